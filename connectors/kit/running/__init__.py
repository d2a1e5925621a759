"""Driving connectors against the broker: runners, publishing, cursors, pauses, metrics and status."""
