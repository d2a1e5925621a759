"""What a case is: its life, its subject, and the cameras it may not have.

Begin with ``case``.
"""
