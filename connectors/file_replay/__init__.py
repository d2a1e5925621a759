"""Records of our own topics from a JSON-lines file, paced by the clock or as fast as they go; and back into one.

System: none outside. Files are written by hand for rehearsals and tests, or by this connector's sink.
Format: one JSON object per line, UTF-8, the record in its published JSON form:

    {"topic": "incidents", "at_s": 12.5, "record": {"event_id": "112:7:1", "occurred_us": {"at_s": -30}, …}}

``at_s`` is when the line is due, in seconds of the clock after the replay began; lines without it follow at once. In
a record any time (``…_us``) may be written as ``{"at_s": …}``, counted from the same beginning; absolute times stay as
they are. ``speed`` divides every ``at_s``. A line with ``"record": null`` and a ``"key"`` is a tombstone.
``ingested_us`` is filled with now where it is missing.

Kept: everything of the record, which by contract holds no person's data. Dropped: nothing of a good line; of a refused
line only its number, length and hash are kept, because nobody knows what a broken line holds.

Guarantee: at least once. The position of the line after the newest acknowledged one is the cursor, with the moment the
replay began, so that a resumed replay gives the same records with the same times and ids.
"""
