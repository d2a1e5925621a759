"""Missing children: reports, what beacon scanners heard, and places that a guardian's app passes on; one case each.

System: a city's child-protection platform (such as a district's beacon bags with scanners on camera poles), which
pushes JSON or is asked for it. docs/connectors/child_protection.md has the form. A report becomes an incident of kind
``missing-child``; a beacon that was heard and a place from a phone become fixes. All three carry the child's pseudonym
as their case, so the cameras follow the child. When the child is found, all reports of it that are known end. A fix
without an open report leads to no cameras.

Kept: report number, child (as a pseudonym), state, times, places, exercise. Dropped at once: the guardian and their
phone, names, age, looks, pictures, beacon ids, everything else.

Guarantee: at least once. A push is answered when its records stand in Kafka; a poll is repeated; repeats carry the
same event_id.
"""
