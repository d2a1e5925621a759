"""From bytes to what a step works on: decode, check, order. What cannot be used is refused here with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.cases.case import UNUSABLE_QUALITIES
from pipeline.errors import RuleBrokenError
from pipeline.reading.batch import RawBatch, Refusal
from pipeline.reading.column_rules import (
    BrokenRule,
    impossible_accuracies,
    impossible_places,
    refusal_of,
    rows_that_keep,
    too_long,
    unequal_keys,
)
from pipeline.reading.columns import decode_columns
from pipeline.reading.event_rules import CaseEvent, check_event, with_known_places
from pipeline.reading.sighting_columns import Sightings, read_sightings
from pipeline.reading.views import View, read_views
from pipeline.rules.policy import US_PER_S, Policy
from pipeline.wandering.protection import ProtectionEnded
from schemas.codec import decode
from schemas.errors import RecordDecodeError
from schemas.ptz import PtzGrant
from schemas.topics import BY_NAME, CASE_INPUTS, PROTECTED_SUBJECTS, SIGHTINGS, TRACKER_FIXES, VIEW_SESSIONS
from schemas.tracker_fix import TrackerFix

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
    """A decoded incident, alert, order, grant or registration with where it came from.

    ``order`` is its place among all records of the unit.
    """

    order: int
    record: CaseEvent
    topic: str
    partition: int
    offset: int
    now_us: int
    key: bytes | None
    payload: bytes

    @property
    def ingested_us(self) -> int:
        """When it was first heard of here: read by a connector, or decided by the arbitration of heads."""
        return self.record.decided_us if isinstance(self.record, PtzGrant) else self.record.ingested_us


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
    """One unit of work, read: what is usable in order, refusals, and the last offset seen of each topic that decides.

    How far views were read is not part of what a decision was made from: with or without them it is the same.
    """

    events: list[Event] = field(default_factory=list)
    fixes: Fixes | None = None
    sightings: Sightings | None = None
    views: list[View] = field(default_factory=list)
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
        intake.records += len(batch.offsets)
        if batch.topic == VIEW_SESSIONS.name:
            intake.views = read_views(batch, order, intake.refusals)
            continue
        intake.positions[batch.topic] = batch.offsets[-1]
        if batch.topic == TRACKER_FIXES.name:
            intake.fixes = _read_fixes(batch, order, policy, intake.refusals)
        elif batch.topic == SIGHTINGS.name:
            intake.sightings = read_sightings(batch, order, policy, intake.refusals)
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
    for i, value in enumerate(batch.values):
        try:
            record = _event_record(batch, i)
            check_event(record, batch.keys[i])
        except RecordDecodeError as error:
            intake.refusals.append(refusal_of(batch, i, error.reason, None, str(error)))
            continue
        except RuleBrokenError as error:
            intake.refusals.append(refusal_of(batch, i, error.reason, error.field, str(error)))
            continue
        intake.events.append(
            Event(
                order=int(order[i]),
                record=with_known_places(record, policy),
                topic=batch.topic,
                partition=batch.partition,
                offset=batch.offsets[i],
                now_us=batch.appended_us[i],
                key=batch.keys[i],
                payload=value or b"",
            )
        )


def _event_record(batch: RawBatch, i: int) -> CaseEvent:
    """Return a record of a batch, decoded; a registration's tombstone is its end."""
    value, key = batch.values[i], batch.keys[i]
    if batch.topic == PROTECTED_SUBJECTS.name and value is None and key:
        try:
            return ProtectionEnded(key.decode(), batch.appended_us[i])
        except UnicodeDecodeError as error:
            raise RecordDecodeError("key-mismatch", "the key must be UTF-8") from error
    record: CaseEvent = decode(BY_NAME[batch.topic].record, value)
    return record


def _read_fixes(batch: RawBatch, order: NDArray[np.int64], policy: Policy, refusals: list[Refusal]) -> Fixes:
    columns = decode_columns(TrackerFix, batch.values, _FIX_FIELDS)
    for index, error in columns.errors:
        refusals.append(refusal_of(batch, index, error.reason, None, str(error)))
    ok, data = columns.ok, columns.data
    rows = ok.tolist()
    now_us = np.array(batch.appended_us, np.int64)[ok]
    rules = _fix_rules(data, [batch.keys[i] for i in rows], now_us, policy)
    kept = np.flatnonzero(rows_that_keep(rules, batch, rows, refusals))
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


def _fix_rules(
    data: dict[str, NDArray[Any]], keys: list[bytes | None], now_us: NDArray[np.int64], policy: Policy
) -> list[BrokenRule]:
    lat, lon = data["location.lat_deg"], data["location.lon_deg"]
    quality = data["location.quality"].tolist()
    unplaced = {q.value.encode() for q in UNUSABLE_QUALITIES}
    no_place = np.fromiter((q in unplaced for q in quality), np.bool_, len(quality)) | ((lat == 0) & (lon == 0))
    skew_us = int(policy.movement.clock_skew_s * US_PER_S)
    return [
        unequal_keys(data["case_id"], keys),
        too_long("case_id", keys),
        ("no-position", "location", "a fix must have a position; (0,0) is none", no_place),
        impossible_places(lat, lon),
        impossible_accuracies(data["location.accuracy_m"]),
        (
            "clock-skew",
            "fix_us",
            f"must not lie over {skew_us // US_PER_S} s after its arrival",
            data["fix_us"] > now_us + skew_us,
        ),
        ("out-of-range", "fix_us", "must be after the epoch", data["fix_us"] <= 0),
        # NaN stands for not given, and breaks neither of these.
        (
            "out-of-range",
            "speed_mps",
            f"must be from 0 to {policy.movement.max_speed_mps:g}",
            (data["speed_mps"] < 0) | (data["speed_mps"] > policy.movement.max_speed_mps),
        ),
        (
            "out-of-range",
            "course_deg",
            "must be from 0 to 360",
            (data["course_deg"] < 0) | (data["course_deg"] > 360),
        ),
    ]
