"""A city's rules as values: ranks, purposes, levels and every number of the policy, read from TOML.

Begin with ``policy``.
"""
