"""One decision of one case: standing, target, cameras, and the record with its reasons.

Begin with ``decision``.
"""
