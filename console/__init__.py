"""The people: the ``goldentime`` command, the demonstration and what operators look at."""
