"""Plain MQTT sensors as incidents: flood levels, flames, panic bells.

System: any device or gateway that publishes a JSON object, or a bare value, on a topic of its own.
Kept: id of the sensor, time, place, and that a threshold of the city's table was crossed.
Dropped: everything else in the message; values themselves.
Guarantee: at least once; which alarms are on is remembered over a restart.
"""
