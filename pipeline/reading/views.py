"""Views that were asked for, decoded and checked. They decide nothing: the engine only chains them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import RuleBrokenError
from pipeline.reading.batch import RawBatch, Refusal
from pipeline.reading.column_rules import refusal_of
from pipeline.reading.event_rules import TEXT_LENGTH_MAX
from schemas.codec import decode
from schemas.errors import RecordDecodeError
from schemas.view_session import ViewResult, ViewSession

_NEEDED = ("case_id", "event_id", "agency", "camera_id", "reason")
_GIVEN_OR_NOT = ("actor_ref", "purpose", "legal_basis")
_RESULTS = frozenset(ViewResult) - {ViewResult.OTHER}


@dataclass(frozen=True, slots=True)
class View:
    """A view that was asked for; ``order`` is its place among all records of the unit, ``now_us`` its append time."""

    order: int
    record: ViewSession
    now_us: int


def read_views(batch: RawBatch, order: NDArray[np.int64], refusals: list[Refusal]) -> list[View]:
    """Return the usable views of a batch; the others are added to ``refusals`` with their reason."""
    views: list[View] = []
    for i, value in enumerate(batch.values):
        try:
            record = decode(ViewSession, value)
            _check(record, batch.keys[i])
        except RecordDecodeError as error:
            refusals.append(refusal_of(batch, i, error.reason, None, str(error)))
        except RuleBrokenError as error:
            refusals.append(refusal_of(batch, i, error.reason, error.field, str(error)))
        else:
            views.append(View(int(order[i]), record, batch.appended_us[i]))
    return views


def _check(view: ViewSession, key: bytes | None) -> None:
    """Do nothing for a view that keeps the rules of the contract; which case it names is not asked."""
    for name in (*_NEEDED, *_GIVEN_OR_NOT):
        text = getattr(view, name)
        if not text and name in _NEEDED:
            raise RuleBrokenError("missing-value", name, "must not be empty")
        if text and len(text.encode()) > TEXT_LENGTH_MAX:
            raise RuleBrokenError("too-large", name, f"must have at most {TEXT_LENGTH_MAX} bytes")
    if key != view.case_id.encode():
        raise RuleBrokenError("key-mismatch", "case_id", "must equal the Kafka key, which decides the partition")
    if view.result not in _RESULTS:
        raise RuleBrokenError("unknown-code", "result", f"must be one of {', '.join(sorted(_RESULTS))}")
    if (view.version or 0) < 0:
        raise RuleBrokenError("out-of-range", "version", f"must not be negative, got {view.version}")
