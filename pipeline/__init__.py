"""The decisions, pure: values in, values out.

Belongs here: reading batches into columns, the camera table and its index, the case state machine, ranking, purpose
gate, selection. Time is an argument (``*_us``); there is no clock, randomness, I/O or logging.
Does not belong here: brokers, files, Faust (``topologies``) and the formats of outside systems (``connectors``).
"""
