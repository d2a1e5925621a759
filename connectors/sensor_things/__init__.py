"""Observations of an OGC SensorThings server as incidents.

System: SensorThings API 1.0 and 1.1 (OGC 15-078r6, 18-088), e.g. FROST-Server: Observations with their Datastream,
Thing and FeatureOfInterest by HTTP, or single Observations over MQTT.
Kept: id of the datastream, time, place, and that a threshold of the city's table was crossed.
Dropped: names, descriptions, properties and parameters of things; values themselves.
Guarantee: at least once; which alarms are on is remembered over a restart.
"""
