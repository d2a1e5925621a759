"""When an alarm begins and when it is over: two thresholds, times to hold, and a pause before the next. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from connectors.kit.case_book import MAIN, CaseBook, Parts
from connectors.kit.sensors.table import SensorKind

US_PER_S = 1_000_000
# Sensors that are not at rest; those at rest need no memory. An area's sensors all rise in one storm.
REMEMBERED_MAX = 5_000
# So long after an alarm a reading from before its end may still come, delayed or a second time; it must begin nothing.
LATE_US = 3_600 * US_PER_S


class Change(StrEnum):
    """What a reading changes."""

    BEGINS = "begins"
    ENDS = "ends"


@dataclass(slots=True)
class _Memory:
    """One sensor that is not at rest; times in UTC microseconds.

    Attributes:
        last_us: of its newest reading.
        is_on: whether its alarm was told and is not over.
        since_us: since when readings say the contrary of that; None while they agree.
        rest_until_us: until when nothing new is told.
    """

    last_us: int
    is_on: bool = False
    since_us: int | None = None
    rest_until_us: int = 0


class AlarmBook:
    """What is remembered of all sensors of a source. At most :data:`REMEMBERED_MAX`: the longest silent goes first.

    Attributes:
        sensors: what is remembered of each.
        forgotten: how many had to go.
    """

    def __init__(self) -> None:
        self.forgotten = 0
        self.sensors: CaseBook[_Memory] = CaseBook(REMEMBERED_MAX, write=_written, read=_read)

    def take(self, sensor_id: str, kind: SensorKind, value: float, at_us: int) -> Change | None:
        """Take a reading; return what it changes. One that is not newer than the last of its sensor changes nothing.

        Args:
            sensor_id: the sensor; one sensor may be known under several kinds.
            kind: its thresholds.
            value: the reading.
            at_us: when it was measured, UTC microseconds since the epoch.
        """
        name = f"{kind.name}/{sensor_id}"
        memory = self.sensors.get(name)
        if memory is None:
            if not kind.is_on(value):
                return None
            memory = _Memory(last_us=at_us - 1)
        if at_us <= memory.last_us:
            return None
        memory.last_us = at_us
        if self.sensors.put(name, memory) is not None:
            self.forgotten += 1
        change = _momentary(memory, kind, value, at_us) if kind.momentary else _change(memory, kind, value, at_us)
        if not memory.is_on and memory.since_us is None and _is_long_over(memory, at_us):
            self.sensors.forget(name)
        return change


def _written(memory: _Memory) -> Parts:
    return {MAIN: [memory.last_us, memory.is_on, memory.since_us, memory.rest_until_us]}


def _read(parts: Parts) -> _Memory:
    last_us, is_on, since_us, rest_until_us = parts[MAIN]
    return _Memory(int(last_us), bool(is_on), None if since_us is None else int(since_us), int(rest_until_us))


def _is_long_over(memory: _Memory, at_us: int) -> bool:
    """Return whether nothing that still may come is about the sensor's last alarm, if it had one."""
    return memory.rest_until_us == 0 or memory.rest_until_us + LATE_US <= at_us


def _change(memory: _Memory, kind: SensorKind, value: float, at_us: int) -> Change | None:
    """Return what a newer reading changes, and remember it."""
    contrary = kind.is_off(value) if memory.is_on else kind.is_on(value)
    if not contrary or (not memory.is_on and at_us < memory.rest_until_us):
        memory.since_us = None
        return None
    if memory.since_us is None:
        memory.since_us = at_us
    held_s = kind.min_off_s if memory.is_on else kind.min_on_s
    if at_us - memory.since_us < held_s * US_PER_S:
        return None
    memory.is_on, memory.since_us = not memory.is_on, None
    if memory.is_on:
        return Change.BEGINS
    memory.rest_until_us = at_us + int(kind.rearm_s * US_PER_S)
    return Change.ENDS


def _momentary(memory: _Memory, kind: SensorKind, value: float, at_us: int) -> Change | None:
    """Return whether a push counts: those that follow within the pause are the same call for help."""
    if not kind.is_on(value) or at_us < memory.rest_until_us:
        return None
    memory.rest_until_us = at_us + max(1, int(kind.rearm_s * US_PER_S))
    return Change.BEGINS
