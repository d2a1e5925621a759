"""Where a person may be, and how sure that is: particles on streets or on the plane, weighed by evidence.

Begin with ``beliefs`` (all cases of a partition) and ``belief`` (the interface of one).
"""
