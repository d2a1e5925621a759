"""Who is under protection: the welfare system's registry of people with dementia and others who may be lost.

System: the registry of a city or of its dementia centres, exported as CSV or JSON-lines files, pushed, or asked for.
docs/connectors/welfare_registry.md has the form. Each registration says where the person may be (circles and polygons),
when the night rest is, which dangers are known, and by which reference their guardian is reached. It is kept per
tracker and under the person's own id, each as a pseudonym, so that a tracker's fixes and a report meet it. A
registration that has ended removes them. With ``complete`` each file or answer is the whole list: it is held against
who stands on the topic, and who is left out is ended, unless the list cannot be believed (``whole_list.py``).

Kept: person and trackers (as pseudonyms), safe zones, night rest, consent to patterns, hazards, the guardian's
reference in the registry, end of the registration. Dropped at once: names, addresses, phone numbers, birth dates,
diagnoses, free text, everything else; a guardian's reference that looks like a phone number is not kept either.

Guarantee: at least once. Files are read again from the last row that stands in Kafka; a push is answered when its
records stand there; a poll is repeated. Repeats carry the same event_id. A whole list that broke off is compared again
with what stands by then, so only the rest is told.
"""
