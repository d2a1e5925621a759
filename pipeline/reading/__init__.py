"""Bytes to records and columns; what breaks a rule is refused with its reason.

Begin with ``intake``.
"""
