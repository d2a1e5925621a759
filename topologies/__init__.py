"""The wiring, and the only place that knows Faust.

Belongs here: the app, the transport for agents of batches, tables and their stores, the unit of work, one file per
topology with ``add_to(app, …)``, ticks, dead letters, metrics, health, settings of a worker.
Does not belong here: decisions (``pipeline``) and the formats of outside systems (``connectors``).
"""
