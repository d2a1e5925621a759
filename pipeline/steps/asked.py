"""Why a record asks for a decision."""

from dataclasses import dataclass

from pipeline.steps.step_work import Ask


@dataclass(frozen=True, slots=True)
class Asked:
    """A case to decide on because of a record.

    Attributes:
        ask: the case and why.
        topic: the record's topic.
        otherwise: how the record ended if no version is made.
        ingested_us: when a connector read the record.
    """

    ask: Ask
    topic: str
    otherwise: str
    ingested_us: int
