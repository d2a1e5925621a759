"""The camera table: columns by row, an index over sites, and what changed since somebody looked.

Begin with ``camera_table``.
"""
