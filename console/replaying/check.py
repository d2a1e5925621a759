"""Compare what a replay decided with what was published, byte for byte."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from console.replaying.log import CityLog, PartitionLog, Published
from console.replaying.partition_run import PartitionRun
from schemas.camera_assignment import CameraAssignment
from schemas.codec import encode

# So many differing decisions are kept, and so many differing fields of one are told.
DIFFERENCES_KEPT = 1_000
FIELDS_TOLD = 8
Version = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Difference:
    """A decision that is not the same.

    Attributes:
        partition: where.
        case_id: of which case.
        opened_us: which opening of it.
        version: which version.
        decided_us: when, by whoever made it.
        what: ``other`` content, ``not-replayed`` (the replay did not make it) or ``not-published`` (nobody else did).
        fields: (name, published, replayed) of the fields that differ; empty unless ``other``.
    """

    partition: int
    case_id: str
    opened_us: int
    version: int
    decided_us: int
    what: str
    fields: tuple[tuple[str, Any, Any], ...] = ()


@dataclass(slots=True)
class Check:
    """What a comparison found.

    Attributes:
        equal: decisions that are the same byte for byte.
        differences: those that are not, oldest first, the first ``DIFFERENCES_KEPT``.
        differing: how many there are.
        gone: replayed decisions that the topic no longer holds: it keeps the newest of each case.
        newer: replayed decisions that had not been published yet when the topic was read.
        before_log: published decisions of cases that opened before the inputs which are left.
    """

    equal: int = 0
    differences: list[Difference] = field(default_factory=list)
    differing: int = 0
    gone: int = 0
    newer: int = 0
    before_log: int = 0


def check(log: CityLog, runs: Sequence[PartitionRun]) -> Check:
    """Return how the decisions of a replay compare with those on camera-assignments."""
    result = Check()
    by_number = {run.partition: run for run in runs}
    for partition in log.partitions:
        _check_partition(partition, by_number[partition.partition], result)
    result.differences.sort(key=lambda difference: difference.decided_us)
    result.differing = len(result.differences)
    del result.differences[DIFFERENCES_KEPT:]
    return result


def _check_partition(log: PartitionLog, run: PartitionRun, result: Check) -> None:
    # A broker without transactions may hold a version twice after a crash; the last one stands.
    published = {(p.record.case_id, p.record.opened_us, p.record.version): p for p in log.published}
    replayed = {(a.case_id, a.opened_us, a.version): a for a in run.assignments}
    openings = {(case_id, opened_us) for case_id, opened_us, _ in replayed}
    log_began_us = _began_us(log)
    older_cases = set()
    for key, one in published.items():
        again = replayed.get(key)
        if again is not None and encode(again) == one.payload:
            result.equal += 1
        elif again is None and key[:2] not in openings and one.record.opened_us <= log_began_us:
            result.before_log += 1
            older_cases.add(key[0])
        else:
            result.differences.append(_difference(log.partition, one, again))
    newest: dict[str, Version] = {}
    for case_id, opened_us, version in published:
        newest[case_id] = max(newest.get(case_id, (0, 0)), (opened_us, version))
    last_us = max((p.record.decided_us for p in log.published), default=0)
    for (case_id, opened_us, version), again in replayed.items():
        if (case_id, opened_us, version) in published or case_id in older_cases:
            continue
        if (opened_us, version) < newest.get(case_id, (0, 0)) or case_id in log.forgotten | run.forgotten:
            result.gone += 1
        elif again.decided_us > last_us:
            result.newer += 1
        else:
            result.differences.append(
                Difference(log.partition, case_id, opened_us, version, again.decided_us, "not-published")
            )


def _began_us(log: PartitionLog) -> int:
    """Return when the inputs that are left begin; -1 where they are left from their first record on."""
    return max((log.inputs[topic][0].appended_us for topic in log.begins_late), default=-1)


def _difference(partition: int, published: Published, again: CameraAssignment | None) -> Difference:
    one = published.record
    what, fields = "not-replayed", ()
    if again is not None:
        what, fields = "other", tuple(_fields(asdict(one), asdict(again)))[:FIELDS_TOLD]  # type: ignore[assignment]
    return Difference(partition, one.case_id, one.opened_us, one.version, one.decided_us, what, fields)


def _fields(one: Any, other: Any, name: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield (name, one, other) of the innermost values that differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(key for key in other if key not in one)]:
            yield from _fields(one.get(key), other.get(key), f"{name}.{key}" if name else key)
    elif isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        for number, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from _fields(left, right, f"{name}[{number}]")
    elif one != other:
        yield name, one, other
