"""Heartbeats of cameras: which can be looked through now, from a video system that tells of them or stops to.

System: the network management of a district's video system, which sends JSON by HTTP or MQTT: a beat per camera now and
then, and what is wrong with it.

Kept: camera id, state, since when. Dropped: everything else, such as addresses, models and notes of technicians.

Guarantee: at least once. Only changes of a state are told, not every beat. A camera of which nothing was heard for
``silent_s`` is down from then on; if the whole feed is silent, it is the feed that is down, and nothing is told.
"""
