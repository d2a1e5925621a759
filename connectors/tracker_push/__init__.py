"""Fixes and alerts of people under protection, pushed over HTTP in a form of our own that no vendor owns.

System: the platform of a tracker's vendor, or a gateway before it, which sends JSON to a web hook: one object, an
array, an array under a name (option ``items_path``), or a line each. docs/connectors/tracker_push.md has the form.

Kept: tracker (as a pseudonym), type, time, place, accuracy, speed, course, battery, hazards, exercise. Dropped at
once: the message's id beyond its part in the event id, names, phone numbers, free text, everything else.

Guarantee: at least once. A push is answered with 202 when its records stand in Kafka; what is answered otherwise must
be sent again. Repeats carry the same event_id.
"""
