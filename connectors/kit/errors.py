"""Errors of the connectors, grouped by what the runner does about them.

ConnectorError
├── EntryRefusedError        answer: dead-letter the entry, go on with its neighbours
├── SourceUnavailableError   answer: wait, try again from the last acknowledged cursor
├── SinkUnavailableError     answer: wait, write the batch again, less of it where it took too long
├── BrokerUnavailableError   answer: wait, publish again from the last acknowledged cursor
├── RecordsLostError         answer: stop, so that a person learns of it; the source cannot give them again
├── ConnectorCodeError       answer: stop; a person must mend the connector's code
└── ConnectorConfigError     answer: stop; a person must mend the configuration
"""


class ConnectorError(Exception):
    """Base of all errors of this package."""


class EntryRefusedError(ConnectorError):
    """One entry of a source cannot become a record.

    Attributes:
        reason: class of failure with few values, kebab-case.
        field: the source's name of the field that broke the rule, if one did.
    """

    def __init__(self, reason: str, field: str | None, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.field = field


class SourceUnavailableError(ConnectorError):
    """The outside system does not answer now."""


class SinkUnavailableError(ConnectorError):
    """The outside system does not take the batch now.

    Attributes:
        wait_s: how long it asks to be left alone, seconds; 0 where it says nothing.
    """

    def __init__(self, message: str, *, wait_s: float = 0.0) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class BrokerUnavailableError(ConnectorError):
    """The broker does not answer or does not take our records now."""


class RecordsLostError(ConnectorError):
    """Records could not be delivered and their source has no position to read them again from."""


class ConnectorCodeError(ConnectorError):
    """The code of a connector broke on what it was given, where it should have refused it; says where in the code."""


class ConnectorConfigError(ConnectorError):
    """The configuration names something that is not there or cannot be."""
