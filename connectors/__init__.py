"""The outside: one folder per system, with the same file names in each, and the kit that all of them stand on.

Belongs here: a folder per system that parses its format, drops what is not needed and pseudonymises; and ``kit``, with
what all of them share.
Does not belong here: decisions (``pipeline``) and Faust (``topologies``); connectors meet those only in topics.
"""
