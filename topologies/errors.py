"""Errors of the wiring, grouped by what the process does about them. None of them is skipped over.

TopologyError
├── SettingsError          answer: stop at start; a person must mend the environment
├── TopicMismatchError     answer: stop at start; the broker's topics are not those of the contract
├── SchemaRegistryError    answer: the command ends; topics are made, schemas are not registered
├── TransportChangedError  answer: stop at start; this Faust is not the one the batch transport was written for
├── RestoreError           answer: stop; state could not be read back completely
├── FencedError            answer: stop; another worker owns the partition now
└── UnitFailedError        answer: stop; a unit of work could not be decided or committed
"""


class TopologyError(Exception):
    """Base of all errors of this package."""


class SettingsError(TopologyError):
    """A setting breaks a rule; the message names the environment variable, the rule and what was got."""


class TopicMismatchError(TopologyError):
    """A topic exists with another partition count than the contract says."""


class SchemaRegistryError(TopologyError):
    """A schema registry does not answer, refuses us, or has other schemas under ids of ours."""


class TransportChangedError(TopologyError):
    """A private part of Faust that the batch transport leans on is gone or has changed."""


class RestoreError(TopologyError):
    """State or the camera table could not be read back to the end of its topic."""


class FencedError(TopologyError):
    """Another worker has taken the partition over; what this one does no longer counts."""


class UnitFailedError(TopologyError):
    """A unit of work could not be decided or committed."""
