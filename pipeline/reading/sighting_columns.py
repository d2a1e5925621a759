"""Sightings as columns: decoded, checked, and what cannot be used refused with its reason.

Analytics of many cameras write thousands a second, most of them "looked and not seen".
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.cases.case import UNUSABLE_QUALITIES
from pipeline.reading.batch import RawBatch, Refusal
from pipeline.reading.column_rules import (
    BrokenRule,
    Column,
    Flags,
    impossible_accuracies,
    impossible_places,
    refusal_of,
    rows_that_keep,
    too_long,
    unequal_keys,
)
from pipeline.reading.columns import Columns, decode_columns
from pipeline.rules.policy import US_PER_S, Policy
from schemas.camera_assignment import ViewLevel
from schemas.sighting import Sighting, SightingResult

_FIELDS = (
    "event_id",
    "case_id",
    "exercise",
    "ingested_us",
    "camera_id",
    "result",
    "level",
    "seen_us",
    "by",
    "reliability",
    "location.lat_deg",
    "location.lon_deg",
    "location.accuracy_m",
    "location.quality",
)
_SEEN, _NOT_SEEN = SightingResult.SEEN.value.encode(), SightingResult.LOOKED_NOT_SEEN.value.encode()
# Level of a view as a number, the better the higher; what a newer program writes counts as not told.
LEVEL_UNKNOWN = -1
_LEVELS = (ViewLevel.NONE, ViewLevel.DETECT, ViewLevel.OBSERVE, ViewLevel.RECOGNISE, ViewLevel.IDENTIFY)
LEVEL_CODES: dict[bytes | None, int] = {level.value.encode(): code for code, level in enumerate(_LEVELS)}


@dataclass(slots=True)
class Sightings:
    """Decoded sightings as columns of equal length, in order of their offsets.

    Attributes:
        order: place among all records of the unit.
        now_us: append time, UTC microseconds.
        partition: the partition of all.
        offset: their offsets.
        event_id: as UTF-8 bytes.
        case_id: as UTF-8 bytes, which is also the Kafka key.
        payload: the original bytes.
        exercise: whether it belongs to a drill.
        ingested_us: when a connector read it, UTC microseconds.
        camera_id: the camera looked through, as UTF-8 bytes; None for a place that was clicked or told.
        seen: True for seen, False for looked and not seen.
        level: as in ``LEVEL_CODES``, -1 where not told.
        seen_us: when it was looked, UTC microseconds.
        by: kind of source as UTF-8 bytes.
        reliability: 0 to 1; NaN where not told.
        lat_deg: WGS 84; NaN without a place, as for all three.
        lon_deg: WGS 84.
        accuracy_m: radius that holds the true place with 68 % probability.
    """

    order: NDArray[np.int64]
    now_us: NDArray[np.int64]
    partition: int
    offset: NDArray[np.int64]
    event_id: list[bytes]
    case_id: list[bytes]
    payload: list[bytes]
    exercise: NDArray[np.bool_]
    ingested_us: NDArray[np.int64]
    camera_id: list[bytes | None]
    seen: NDArray[np.bool_]
    level: NDArray[np.int8]
    seen_us: NDArray[np.int64]
    by: list[bytes]
    reliability: NDArray[np.float64]
    lat_deg: NDArray[np.float64]
    lon_deg: NDArray[np.float64]
    accuracy_m: NDArray[np.float64]

    def __len__(self) -> int:
        """Return how many sightings there are."""
        return len(self.case_id)


def read_sightings(batch: RawBatch, order: NDArray[np.int64], policy: Policy, refusals: list[Refusal]) -> Sightings:
    """Return the usable sightings of a batch; the others are added to ``refusals`` with their reason.

    A look through a camera whose place is none, as (0,0), is a look through a camera without a place.
    """
    columns = decode_columns(Sighting, batch.values, _FIELDS)
    for index, error in columns.errors:
        refusals.append(refusal_of(batch, index, error.reason, None, str(error)))
    ok, data = columns.ok, columns.data
    now_us = np.array(batch.appended_us, np.int64)[ok]
    placed = _has_place(data)
    rules = _rules(columns, [batch.keys[i] for i in ok.tolist()], now_us, placed, policy)
    kept = np.flatnonzero(rows_that_keep(rules, batch, ok.tolist(), refusals))
    rows = ok[kept].tolist()
    nowhere = ~placed[kept]
    lat_deg, lon_deg, accuracy_m = (data[f"location.{n}"][kept] for n in ("lat_deg", "lon_deg", "accuracy_m"))
    for column in (lat_deg, lon_deg, accuracy_m):
        column[nowhere] = np.nan
    levels = data["level"][kept].tolist()
    return Sightings(
        order=order[ok][kept],
        now_us=now_us[kept],
        partition=batch.partition,
        offset=np.array(batch.offsets, np.int64)[ok][kept],
        event_id=data["event_id"][kept].tolist(),
        case_id=data["case_id"][kept].tolist(),
        payload=[batch.values[i] or b"" for i in rows],
        exercise=data["exercise"][kept],
        ingested_us=data["ingested_us"][kept],
        camera_id=[camera_id or None for camera_id in data["camera_id"][kept].tolist()],
        seen=_equals(data["result"][kept], _SEEN),
        level=np.fromiter((LEVEL_CODES.get(level, LEVEL_UNKNOWN) for level in levels), np.int8, len(levels)),
        seen_us=data["seen_us"][kept],
        by=data["by"][kept].tolist(),
        reliability=data["reliability"][kept],
        lat_deg=lat_deg,
        lon_deg=lon_deg,
        accuracy_m=accuracy_m,
    )


def _has_place(data: dict[str, Column]) -> Flags:
    lat, lon, quality = data["location.lat_deg"], data["location.lon_deg"], data["location.quality"].tolist()
    unplaced = {None, *(q.value.encode() for q in UNUSABLE_QUALITIES)}
    told = np.fromiter((q not in unplaced for q in quality), np.bool_, len(quality))
    return np.asarray(told & ~((lat == 0) & (lon == 0)))


def _rules(
    columns: Columns, keys: list[bytes | None], now_us: NDArray[np.int64], placed: Flags, policy: Policy
) -> list[BrokenRule]:
    data = columns.data
    result, reliability, seen_us = data["result"], data["reliability"], data["seen_us"]
    no_camera = _flags(not camera_id for camera_id in data["camera_id"].tolist())
    reason, name, rule, impossible = impossible_places(data["location.lat_deg"], data["location.lon_deg"])
    far_reason, far_name, far_rule, far = impossible_accuracies(data["location.accuracy_m"])
    skew_us = int(policy.movement.clock_skew_s * US_PER_S)
    return [
        unequal_keys(data["case_id"], keys),
        ("missing-value", "case_id", "must not be empty", _flags(not c for c in data["case_id"].tolist())),
        ("missing-value", "event_id", "must not be empty", _flags(not e for e in data["event_id"].tolist())),
        too_long("case_id", keys),
        too_long("event_id", data["event_id"].tolist()),
        too_long("camera_id", data["camera_id"].tolist()),
        (
            "unknown-code",
            "result",
            "must be seen or looked-not-seen",
            ~(_equals(result, _SEEN) | _equals(result, _NOT_SEEN)),
        ),
        ("missing-value", "camera_id", "a look needs a camera or a usable place", no_camera & ~placed),
        (reason, name, rule, impossible & placed),
        (far_reason, far_name, far_rule, far & placed),
        (
            "clock-skew",
            "seen_us",
            f"must not lie over {skew_us // US_PER_S} s after its arrival",
            seen_us > now_us + skew_us,
        ),
        ("out-of-range", "seen_us", "must be after the epoch", seen_us <= 0),
        # NaN stands for not told, and breaks no rule.
        ("out-of-range", "reliability", "must be from 0 to 1", (reliability < 0) | (reliability > 1)),
    ]


def _flags(values: Iterable[bool]) -> Flags:
    return np.fromiter(values, np.bool_)


def _equals(column: Column, text: bytes) -> Flags:
    return np.asarray(column == text, np.bool_)
