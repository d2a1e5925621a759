"""What looks teach of a camera: whether it can be trusted, where it stands, what it is.

Begin with ``knowledge``.
"""
