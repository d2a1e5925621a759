"""Detection of our own: people under protection who leave safe zones, go out at night, pace or lap.

Each module opens with what it is for; ARCHITECTURE.md says with which to begin.
"""
