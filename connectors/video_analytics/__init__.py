"""Looks for the target of a case, told by what watches the cameras: operators at a video system, and video analytics.

System: a video management system whose operators mark what they see, or analytics that compare pictures, each behind
a gateway that sends one neutral JSON form by HTTP or MQTT.

Kept: case, camera, seen or not, when, how well, how sure, a clicked place, the operator's pseudonym. Dropped:
everything else, above all pictures, crops, features, names and free text.

Guarantee: at least once; a look that comes twice has one id. Of one case and camera analytics tell once in ``every_s``.
"""
