"""Errors of the decision engine.

PolicyError   answer: stop; a person must mend the city's files
"""


class PolicyError(ValueError):
    """A city's policy breaks a rule; the message names file, field, rule and what was got."""
