"""Decide a city's log again, offline: read the topics, put their records into the order in which they were decided on.

``log`` holds and reads what the topics keep, ``log_file`` saves it. ``timeline`` orders the records, ticks and camera
rows of a partition, with what ``provenance`` finds in the published decisions and ``assumed_ticks`` between them.
``run`` drives the real engine along it, ``check`` compares its decisions with those that were published, ``figures``
and ``differences`` say how two policies differ.
"""
