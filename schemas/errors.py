"""Errors of the contract, grouped by what a caller does about them.

SchemaError
├── RecordDecodeError    answer: dead-letter the bytes, go on with the neighbours
├── RecordEncodeError    answer: stop, the program built a record that is not one
└── UnknownSchemaError   answer: dead-letter when reading; stop when writing
"""


class SchemaError(Exception):
    """Base of all errors of this package."""


class RecordDecodeError(SchemaError):
    """Bytes that are not the record they should be.

    Attributes:
        reason: a class of failure with few values, fit for a metric label (``not-confluent-framed``,
            ``too-large``, ``unknown-schema``, ``wrong-record``, ``avro``; from the camera table also ``key-mismatch``,
            ``out-of-range``, ``table-full``).
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class RecordEncodeError(SchemaError):
    """A record whose values do not fit its schema."""


class UnknownSchemaError(SchemaError):
    """No published schema has this id, record name or version."""
