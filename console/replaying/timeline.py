"""The order in which a partition's records, ticks and camera rows met: what a replay must do, step by step.

Records lie in their topics in order, and over the topics in order of their append times. What else is known comes from
the decisions: one that time alone caused names the tick's moment and how far each input had been read; every decision
names the camera table it was made with, and its own moment, which a tick may have moved beyond its record's. Ticks that
decided nothing left no trace: they are assumed at whole multiples of their interval, where workers make them.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from console.replaying.assumed_ticks import AssumedTicks, Ticks
from console.replaying.log import TABLE_TOPICS, TOPIC_ORDER, LogRecord, PartitionLog
from console.replaying.provenance import NO_LIMIT, Tick, known_from

UNIT_RECORDS_MAX = 5_000
_TABLE_NAMES = tuple(topic.name for topic in TABLE_TOPICS)


@dataclass(frozen=True, slots=True)
class TableTo:
    """Apply the camera table's rows up to these offsets, by topic name."""

    offsets: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Records:
    """Decide on records that lie side by side in the order."""

    records: Sequence[LogRecord]


Step = TableTo | Records | Ticks


@dataclass(frozen=True, slots=True)
class _Moment:
    """A record, or ticks, in its place; ``version`` is the camera table then, if a decision tells it."""

    at_us: int
    step: LogRecord | Ticks
    version: Mapping[str, int] | None = None


def timeline(log: PartitionLog, table: Mapping[str, Sequence[LogRecord]], tick_us: int) -> Iterator[Step]:
    """Yield what a replay of a partition does, in order.

    Args:
        log: the partition's inputs and what is left of its decisions.
        table: rows of the camera table's topics, in offset order.
        tick_us: microseconds between ticks.
    """
    moments = _moments(log, tick_us)
    unit: list[LogRecord] = []
    for step in _with_tables(moments, table):
        if isinstance(step, LogRecord) and _fits(unit, step):
            unit.append(step)
            continue
        if unit:
            yield Records(unit)
        unit = [step] if isinstance(step, LogRecord) else []
        if not isinstance(step, LogRecord):
            yield step
    if unit:
        yield Records(unit)


def _fits(unit: Sequence[LogRecord], record: LogRecord) -> bool:
    """Return whether a record may go into a unit: the engine orders a unit by append time and topic by itself."""
    if not unit:
        return True
    before, after = unit[-1], record
    in_order = (before.appended_us, TOPIC_ORDER[before.topic]) <= (after.appended_us, TOPIC_ORDER[after.topic])
    return in_order and len(unit) < UNIT_RECORDS_MAX


def _moments(log: PartitionLog, tick_us: int) -> list[_Moment]:
    """Return records and ticks in order."""
    times_us = {
        topic: list(accumulate((record.appended_us for record in records), max))
        for topic, records in log.inputs.items()
    }
    known = known_from(log, times_us, tick_us)
    taken = dict.fromkeys(log.inputs, 0)
    moments: list[_Moment] = []
    assumed = AssumedTicks([tick.at_us for tick in known.ticks if tick.is_tick], tick_us)
    for tick, segment in _segments(log, times_us, known.ticks, taken):
        for at_us, _, _, record in segment:
            moments += _assumed(assumed.before(at_us))
            moments.append(_Moment(at_us, record, known.versions.get((record.topic, record.offset))))
        if tick is not None and tick.is_tick:
            moments += _assumed(assumed.before(tick.at_us))
            moments.append(_Moment(tick.at_us, Ticks(tick.at_us, tick.at_us, tick_us, True), tick.version))
            assumed.known_tick()
    return moments


def _assumed(ticks: Ticks | None) -> list[_Moment]:
    return [] if ticks is None else [_Moment(ticks.first_us, ticks)]


_Placed = tuple[int, int, int, LogRecord]


def _segments(
    log: PartitionLog, times_us: Mapping[str, list[int]], ticks: Sequence[Tick], taken: dict[str, int]
) -> Iterator[tuple[Tick | None, list[_Placed]]]:
    """Yield each known tick with the records before it that no earlier one took, in order; None for what is left."""
    most = _most_read(ticks)
    offsets = {topic: [record.offset for record in records] for topic, records in log.inputs.items()}
    for tick, most_now in zip([*ticks, None], [*most, {}], strict=True):
        segment: list[_Placed] = []
        for topic, records in log.inputs.items():
            end = len(records)
            if tick is not None:
                by_time = bisect_right(times_us[topic], tick.at_us)
                cap = bisect_right(offsets[topic], most_now.get(topic, NO_LIMIT))
                read = tick.read.get(topic)
                end = min(by_time if read is None else bisect_right(offsets[topic], read), cap)
            start, taken[topic] = taken[topic], max(taken[topic], end)
            segment += [
                (times_us[topic][i], TOPIC_ORDER[topic], records[i].offset, records[i])
                for i in range(start, taken[topic])
            ]
        yield tick, sorted(segment, key=lambda placed: placed[:3])


def _most_read(ticks: Sequence[Tick]) -> list[dict[str, int]]:
    """Return for each tick how far each topic can have been read: no further than at any later tick."""
    most: list[dict[str, int]] = []
    now: dict[str, int] = {}
    for tick in reversed(ticks):
        now = now | {topic: min(offset, now.get(topic, NO_LIMIT)) for topic, offset in tick.read.items()}
        most.append(now)
    return most[::-1]


def _with_tables(
    moments: Sequence[_Moment], table: Mapping[str, Sequence[LogRecord]]
) -> Iterator[TableTo | Ticks | LogRecord]:
    """Yield the moments with the camera table's rows between them, by their times and by the versions in decisions."""
    times = {name: list(accumulate((row.appended_us for row in table.get(name, ())), max)) for name in _TABLE_NAMES}
    lowest = _running(moments, max, -1)
    highest = _running(moments[::-1], min, NO_LIMIT)[::-1]
    now = dict.fromkeys(_TABLE_NAMES, -1)
    for moment, low, high in zip(moments, lowest, highest, strict=True):
        pieces = [moment.step] if isinstance(moment.step, LogRecord) else _pieces(moment.step, times)
        for piece in pieces:
            at_us = moment.at_us if isinstance(piece, LogRecord) else piece.first_us
            wanted = {}
            for name in _TABLE_NAMES:
                rows = bisect_right(times[name], at_us)
                by_time = table[name][rows - 1].offset if rows else -1
                wanted[name] = max(now[name], min(max(by_time, low[name]), high[name]))
            if wanted != now:
                now = wanted
                yield TableTo(wanted)
            yield piece


def _running(moments: Sequence[_Moment], pick: Callable[[int, int], int], start: int) -> list[dict[str, int]]:
    """Return the largest (or smallest) version that any moment up to each one tells, by topic."""
    now = dict.fromkeys(_TABLE_NAMES, start)
    result = []
    for moment in moments:
        for name, offset in (moment.version or {}).items():
            now = now | {name: pick(now[name], offset)}
        result.append(now)
    return result


def _pieces(ticks: Ticks, times: Mapping[str, list[int]]) -> Iterator[Ticks]:
    """Yield ticks cut where a row of the camera table came between them."""
    first_us = ticks.first_us
    while first_us <= ticks.last_us:
        after = [of[i] for of in times.values() if (i := bisect_right(of, first_us)) < len(of)]
        cut_us = min(after, default=NO_LIMIT)
        last_us = ticks.last_us
        if cut_us <= last_us:
            # The last tick before the row; the first one stays in this piece in any case.
            last_us = first_us + (cut_us - 1 - first_us) // ticks.step_us * ticks.step_us
        yield Ticks(first_us, last_us, ticks.step_us, ticks.known)
        first_us = last_us + ticks.step_us
