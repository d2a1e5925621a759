"""Which cameras, turned where: greedy joint coverage of weighted places, in compiled kernels.

Begin with ``choosing``; ``scenery`` holds what is known of the cameras, ``kernel`` and the modules beside it compute.
"""
