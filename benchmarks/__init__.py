"""How fast, measured: ``python -m benchmarks.speed`` prints a table, ``python -m benchmarks.engine`` looks inside.

Belongs here: workloads, the processes that are measured, their peers, and the tables that came out.
Does not belong here: tests with a yes or no (``tests``). Figures are compared only within one run on one machine.
"""
