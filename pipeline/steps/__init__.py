"""A step of a partition: records in, decisions and state out, round by round.

Begin with ``engine``.
"""
