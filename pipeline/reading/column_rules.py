"""What the readers of columns share: rules over many rows at once, and the answer to a row that breaks one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.reading.batch import RawBatch, Refusal
from pipeline.reading.event_rules import ACCURACY_M_MAX, LAT_DEG_MAX, TEXT_LENGTH_MAX

Column = NDArray[Any]
Flags = NDArray[np.bool_]
# (reason, field, rule, which rows break it); a row is refused for the first it breaks.
BrokenRule = tuple[str, str, str, Flags]


def refusal_of(batch: RawBatch, index: int, reason: str, name: str | None, message: str) -> Refusal:
    """Return the answer to one record of a batch; ``name`` is the field that broke the rule, if one did."""
    return Refusal(
        topic=batch.topic,
        partition=batch.partition,
        offset=batch.offsets[index],
        key=batch.keys[index],
        payload=batch.values[index] or b"",
        reason=reason,
        field=name,
        message=message,
        now_us=batch.appended_us[index],
    )


def rows_that_keep(rules: Sequence[BrokenRule], batch: RawBatch, rows: list[int], refusals: list[Refusal]) -> Flags:
    """Return which rows break no rule; the others are refused, each for the first rule it breaks.

    Args:
        rules: in the order in which they are asked.
        batch: where the rows come from.
        rows: place of each row in the batch.
        refusals: the refusals are added here.
    """
    usable = np.ones(len(rows), np.bool_)
    for reason, name, rule, broken in rules:
        refused = np.flatnonzero(broken & usable).tolist()
        refusals += [refusal_of(batch, rows[i], reason, name, f"{name}: {rule}") for i in refused]
        usable &= ~broken
    return usable


def unequal_keys(case_id: Column, keys: Sequence[bytes | None]) -> BrokenRule:
    """Return the rule that a record's key is its case."""
    unequal = np.fromiter((k != c for k, c in zip(keys, case_id.tolist(), strict=True)), np.bool_, len(keys))
    return "key-mismatch", "case_id", "must equal the Kafka key, which decides the partition", unequal


def too_long(name: str, texts: Sequence[bytes | None]) -> BrokenRule:
    """Return the rule that an id has room where it is remembered."""
    long = np.fromiter((text is not None and len(text) > TEXT_LENGTH_MAX for text in texts), np.bool_, len(texts))
    return "too-large", name, f"must have at most {TEXT_LENGTH_MAX} bytes", long


def impossible_places(lat_deg: Column, lon_deg: Column) -> BrokenRule:
    """Return the rule that a position is one on earth where cities lie; NaN breaks it."""
    impossible = ~((np.abs(lat_deg) <= LAT_DEG_MAX) & (np.abs(lon_deg) <= 180.0))
    return "impossible-position", "location", f"must lie within ±{LAT_DEG_MAX:.0f} and ±180 degrees", impossible


def impossible_accuracies(accuracy_m: Column) -> BrokenRule:
    """Return the rule that a position's accuracy is a radius in metres; NaN breaks it."""
    outside = ~((accuracy_m >= 0) & (accuracy_m <= ACCURACY_M_MAX))
    return "out-of-range", "location.accuracy_m", f"must be from 0 to {ACCURACY_M_MAX:.0f}", outside
