"""The outside: one folder per system, with the same file names in each.

Belongs here: the protocols for sources and sinks, the runner that drives them, what all of them share (publishing,
cursors, pseudonyms), and a folder per system that parses its format, drops what is not needed and pseudonymises.
Does not belong here: decisions (``pipeline``) and Faust (``topologies``); connectors meet those only in topics.
"""
