"""Errors of the decision engine.

PolicyError       answer: stop; a person must mend the city's files
RuleBrokenError   answer: dead-letter the record, go on with the neighbours
"""


class PolicyError(ValueError):
    """A city's policy breaks a rule; the message names file, field, rule and what was got."""


class RuleBrokenError(ValueError):
    """A decoded record breaks a rule of the contract; the message names field and rule, never a person's data.

    Attributes:
        reason: class of failure with few values, kebab-case, fit for a metric label.
        field: the field that broke the rule.
    """

    def __init__(self, reason: str, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.reason = reason
        self.field = field
