"""The demonstration: a made-up city, a made-up day in it, and the real worker and connectors between them.

Belongs here: the synthetic city, the story, and what starts, watches and stops the parts of ``goldentime demo``.
Does not belong here: anything that a real deployment needs.
"""
