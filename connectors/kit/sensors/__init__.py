"""Sensors that become incidents by threshold.

The city's table of kinds, thresholds with hysteresis, and alarms that survive a restart; a connector of sensors only
says what a payload holds.
"""
