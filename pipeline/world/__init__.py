"""Streets and walls of a city: where a person can walk and what stands between a camera and them.

Begin with ``streets``. What a camera sees of it is ``pipeline.sight``.
"""
