"""The ways in and out: dropped files, HTTP push, HTTP poll, MQTT and calls over HTTP, each with cursors and limits."""
