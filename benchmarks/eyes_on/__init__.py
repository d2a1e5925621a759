"""How much of what cameras could show of a walking person the engine does show: a simulator with a hidden truth.

The world (streets, buildings, true cameras, walkers, trackers, watchers) is known to the simulator alone. The engine
gets what a city's engine would get: records in the wire format, in units of work, with ticks between them. What it
assigns is then held against the truth. ``README.md`` says how the world differs from what the engine assumes.
"""
