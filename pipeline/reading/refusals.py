"""Answers to records that were decoded and cannot be used for their case."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.cases.case import EXERCISE_MIX
from pipeline.reading.batch import Refusal

# (reason, field, message) of a record of a drill for a real case, or the other way round.
MIXED = (EXERCISE_MIX, "exercise", "exercise: a drill and a real case do not mix")


class CaseColumns(Protocol):
    """What all columns of records keyed by case have."""

    partition: int
    offset: NDArray[np.int64]
    case_id: list[bytes]
    payload: list[bytes]
    now_us: NDArray[np.int64]


def refusal_of_row(topic: str, columns: CaseColumns, row: int, why: tuple[str, str, str]) -> Refusal:
    """Return the answer to one row of a topic's columns; ``why`` is (reason, field, message)."""
    reason, name, message = why
    return Refusal(
        topic=topic,
        partition=columns.partition,
        offset=int(columns.offset[row]),
        key=columns.case_id[row],
        payload=columns.payload[row],
        reason=reason,
        field=name,
        message=message,
        now_us=int(columns.now_us[row]),
    )
