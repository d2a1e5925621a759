"""From bytes to what a step works on: decode, check, order. What cannot be used is refused here with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import geo
from pipeline.batch import RawBatch, Refusal
from pipeline.columns import decode_columns
from pipeline.place import UNUSABLE_QUALITIES
from pipeline.policy import US_PER_S, Policy
from schemas.codec import decode
from schemas.errors import RecordDecodeError
from schemas.incident import Incident
from schemas.location import Location, LocationQuality
from schemas.topics import CASE_INPUTS, INCIDENTS, TRACKER_FIXES
from schemas.tracker_fix import TrackerFix
from schemas.wandering_alert import WanderingAlert

# Cities lie between these latitudes; nearer to the poles the plane of a decision would break down.
LAT_DEG_MAX = 85.0
ACCURACY_M_MAX = 100_000.0
# An area larger than this is a country, not an incident; it would make every camera a candidate.
AREA_POINTS_MAX = 10_000
ROUTE_POINTS_MAX = 10_000
TOPIC_ORDER = {topic.name: order for order, topic in enumerate(CASE_INPUTS)}
_FIX_FIELDS = (
    "case_id",
    "exercise",
    "fix_us",
    "ingested_us",
    "location.lat_deg",
    "location.lon_deg",
    "location.accuracy_m",
    "location.quality",
    "speed_mps",
    "course_deg",
)


@dataclass(frozen=True, slots=True)
class Event:
    """A decoded incident or alert with where it came from; ``order`` is its place among all records of the unit."""

    order: int
    record: Incident | WanderingAlert
    topic: str
    partition: int
    offset: int
    now_us: int
    key: bytes | None
    payload: bytes


@dataclass(slots=True)
class Fixes:
    """Decoded tracker fixes as columns of equal length, in order; ``order`` as in Event."""

    order: NDArray[np.int64]
    now_us: NDArray[np.int64]
    partition: int
    offset: NDArray[np.int64]
    case_id: list[bytes]
    payload: list[bytes]
    exercise: NDArray[np.bool_]
    fix_us: NDArray[np.int64]
    ingested_us: NDArray[np.int64]
    lat_deg: NDArray[np.float64]
    lon_deg: NDArray[np.float64]
    accuracy_m: NDArray[np.float64]
    speed_mps: NDArray[np.float64]
    course_deg: NDArray[np.float64]

    def __len__(self) -> int:
        """Return how many fixes there are."""
        return len(self.case_id)


@dataclass(slots=True)
class Intake:
    """One unit of work, read: events and fixes in order, refusals, and the last offset seen of each topic."""

    events: list[Event] = field(default_factory=list)
    fixes: Fixes | None = None
    refusals: list[Refusal] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    partition: int = 0
    records: int = 0


def read(batches: Sequence[RawBatch], policy: Policy) -> Intake:
    """Return the batches of one partition, decoded, checked and in one order.

    Records are ordered by append time, then topic, then offset; within a topic the offsets alone rule, so that a
    producer's wavering clock cannot turn them round.
    """
    intake = Intake(partition=batches[0].partition if batches else 0)
    merged = _merge_by_topic(batches)
    places = _places(merged)
    for batch, order in zip(merged, places, strict=True):
        intake.positions[batch.topic] = batch.offsets[-1]
        intake.records += len(batch.offsets)
        if batch.topic == TRACKER_FIXES.name:
            intake.fixes = _read_fixes(batch, order, policy, intake.refusals)
        else:
            _read_events(batch, order, policy, intake)
    intake.events.sort(key=lambda event: event.order)
    return intake


def _merge_by_topic(batches: Sequence[RawBatch]) -> list[RawBatch]:
    merged: dict[str, RawBatch] = {}
    for batch in batches:
        if not batch.offsets:
            continue
        if batch.topic not in merged:
            merged[batch.topic] = RawBatch(batch.topic, batch.partition, [], [], [], [])
        whole = merged[batch.topic]
        whole.offsets += batch.offsets
        whole.keys += batch.keys
        whole.values += batch.values
        whole.appended_us += batch.appended_us
    return [merged[name] for name in sorted(merged, key=TOPIC_ORDER.__getitem__)]


def _places(batches: list[RawBatch]) -> list[NDArray[np.int64]]:
    """Return for each batch the place of its records in the order of the unit."""
    if not batches:
        return []
    times = [np.maximum.accumulate(np.array(batch.appended_us, np.int64)) for batch in batches]
    whole = np.argsort(np.concatenate(times), kind="stable")  # stable: ties keep topic order, then offset order
    place = np.empty(len(whole), np.int64)
    place[whole] = np.arange(len(whole))
    return [np.asarray(part) for part in np.split(place, np.cumsum([len(t) for t in times])[:-1])]


def _read_events(batch: RawBatch, order: NDArray[np.int64], policy: Policy, intake: Intake) -> None:
    record_type: type[Any] = Incident if batch.topic == INCIDENTS.name else WanderingAlert
    for i, value in enumerate(batch.values):
        try:
            record = decode(record_type, value)
            _check_event(record, batch.keys[i])
        except RecordDecodeError as error:
            intake.refusals.append(_refusal(batch, i, error.reason, None, str(error)))
            continue
        except _RuleBrokenError as error:
            intake.refusals.append(_refusal(batch, i, error.reason, error.field, str(error)))
            continue
        intake.events.append(
            Event(
                order=int(order[i]),
                record=_with_known_places(record, policy),
                topic=batch.topic,
                partition=batch.partition,
                offset=batch.offsets[i],
                now_us=batch.appended_us[i],
                key=batch.keys[i],
                payload=value or b"",
            )
        )


class _RuleBrokenError(Exception):
    def __init__(self, reason: str, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.reason = reason
        self.field = name


def _check_event(record: Incident | WanderingAlert, key: bytes | None) -> None:
    """Raise when a decoded record breaks a rule of the contract."""
    if not record.case_id:
        raise _RuleBrokenError("missing-value", "case_id", "must not be empty")
    if key != record.case_id.encode():
        raise _RuleBrokenError("key-mismatch", "case_id", "must equal the Kafka key, which decides the partition")
    _check_location(record.location, "location")
    if isinstance(record, Incident):
        if record.area and len(record.area.polygon) > AREA_POINTS_MAX:
            raise _RuleBrokenError("too-large", "area.polygon", f"at most {AREA_POINTS_MAX} points are read")
        for point in record.area.polygon if record.area else ():
            _check_position(point.lat_deg, point.lon_deg, "area.polygon")
        for unit in record.units:
            _check_location(unit.position, "units.position")
            if len(unit.route) > ROUTE_POINTS_MAX:
                raise _RuleBrokenError("too-large", "units.route", f"at most {ROUTE_POINTS_MAX} points are read")
            for point in unit.route:
                _check_position(point.lat_deg, point.lon_deg, "units.route")


def _check_location(location: Location | None, name: str) -> None:
    if location is None or location.quality in UNUSABLE_QUALITIES:
        return
    _check_position(location.lat_deg, location.lon_deg, name)
    if not 0 <= location.accuracy_m <= ACCURACY_M_MAX:  # NaN compares as False
        raise _RuleBrokenError(
            "out-of-range", f"{name}.accuracy_m", f"must be from 0 to {ACCURACY_M_MAX:.0f}, got {location.accuracy_m}"
        )


def _check_position(lat_deg: float, lon_deg: float, name: str) -> None:
    if not geo.in_range(lat_deg, lon_deg) or abs(lat_deg) > LAT_DEG_MAX:
        # The position itself may be a person's: name the rule, not the place.
        raise _RuleBrokenError("impossible-position", name, f"must lie within ±{LAT_DEG_MAX:.0f} and ±180 degrees")


def _with_known_places(record: Incident | WanderingAlert, policy: Policy) -> Incident | WanderingAlert:
    """Return the record with (0,0) and agencies' own addresses marked as no place, whatever the source said."""
    location = record.location
    if location is None or location.quality in UNUSABLE_QUALITIES:
        return record
    default = location.lat_deg == 0.0 and location.lon_deg == 0.0
    for place in policy.default_places:
        off_m = geo.distance_m(place.lat_deg, place.lon_deg, location.lat_deg, location.lon_deg)
        default = default or bool(off_m <= place.radius_m)
    return replace(record, location=replace(location, quality=LocationQuality.DEFAULT)) if default else record


def _read_fixes(batch: RawBatch, order: NDArray[np.int64], policy: Policy, refusals: list[Refusal]) -> Fixes:
    columns = decode_columns(TrackerFix, batch.values, _FIX_FIELDS)
    for index, error in columns.errors:
        refusals.append(_refusal(batch, index, error.reason, None, str(error)))
    ok, data = columns.ok, columns.data
    rows = ok.tolist()
    now_us = np.array(batch.appended_us, np.int64)[ok]
    usable = np.ones(len(ok), np.bool_)
    for reason, name, rule, broken in _broken_rules(data, [batch.keys[i] for i in rows], now_us, policy):
        refused = np.flatnonzero(broken & usable).tolist()
        refusals += [_refusal(batch, rows[i], reason, name, f"{name}: {rule}") for i in refused]
        usable &= ~broken
    kept = np.flatnonzero(usable)
    rows = ok[kept].tolist()
    return Fixes(
        order=order[ok][kept],
        now_us=now_us[kept],
        partition=batch.partition,
        offset=np.array(batch.offsets, np.int64)[ok][kept],
        case_id=data["case_id"][kept].tolist(),
        payload=[batch.values[i] or b"" for i in rows],
        exercise=data["exercise"][kept],
        fix_us=data["fix_us"][kept],
        ingested_us=data["ingested_us"][kept],
        lat_deg=data["location.lat_deg"][kept],
        lon_deg=data["location.lon_deg"][kept],
        accuracy_m=data["location.accuracy_m"][kept],
        speed_mps=data["speed_mps"][kept],
        course_deg=data["course_deg"][kept],
    )


def _broken_rules(
    data: dict[str, NDArray[Any]], keys: list[bytes | None], now_us: NDArray[np.int64], policy: Policy
) -> list[tuple[str, str, str, NDArray[np.bool_]]]:
    """Return (reason, field, rule, which rows break it); a row is refused for the first it breaks."""
    lat, lon, accuracy = data["location.lat_deg"], data["location.lon_deg"], data["location.accuracy_m"]
    case_id: list[bytes] = data["case_id"].tolist()
    unequal = np.fromiter((k != c for k, c in zip(keys, case_id, strict=True)), np.bool_, len(keys))
    quality = data["location.quality"].tolist()
    unplaced = {q.value.encode() for q in UNUSABLE_QUALITIES}
    no_place = np.fromiter((q in unplaced for q in quality), np.bool_, len(quality)) | ((lat == 0) & (lon == 0))
    # Written so that NaN breaks the rule.
    impossible = ~((np.abs(lat) <= LAT_DEG_MAX) & (np.abs(lon) <= 180.0))
    skew_us = int(policy.movement.clock_skew_s * US_PER_S)
    return [
        ("key-mismatch", "case_id", "must equal the Kafka key, which decides the partition", unequal),
        ("no-position", "location", "a fix must have a position; (0,0) is none", no_place),
        ("impossible-position", "location", f"must lie within ±{LAT_DEG_MAX:.0f} and ±180 degrees", impossible),
        (
            "out-of-range",
            "location.accuracy_m",
            f"must be from 0 to {ACCURACY_M_MAX:.0f}",
            ~((accuracy >= 0) & (accuracy <= ACCURACY_M_MAX)),
        ),
        (
            "clock-skew",
            "fix_us",
            f"must not lie over {skew_us // US_PER_S} s after its arrival",
            data["fix_us"] > now_us + skew_us,
        ),
        ("out-of-range", "fix_us", "must be after the epoch", data["fix_us"] <= 0),
    ]


def _refusal(batch: RawBatch, index: int, reason: str, name: str | None, message: str) -> Refusal:
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
