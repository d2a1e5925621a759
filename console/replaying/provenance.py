"""What the published decisions of a partition tell of how it came to them: ticks, camera tables, moments."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from console.replaying.log import TOPIC_ORDER, PartitionLog, Published
from schemas.topics import CAMERA_HEALTH, CAMERA_KNOWLEDGE, CAMERAS, CONDITIONS

TICK_TOPIC = "tick"
NO_LIMIT = 1 << 62
# How CameraAssignment.camera_table_version calls the topics.
_VERSION_NAMES = {
    "cameras": CAMERAS.name,
    "health": CAMERA_HEALTH.name,
    "knowledge": CAMERA_KNOWLEDGE.name,
    "conditions": CONDITIONS.name,
}


@dataclass(slots=True)
class Tick:
    """A moment that the published decisions tell of.

    Attributes:
        at_us: the moment, UTC microseconds.
        read: by topic name, the last offset that had been read.
        version: the camera table by topic name, where a decision of the tick tells it.
        is_tick: False where a record of another topic explains the moment as well.
    """

    at_us: int
    read: dict[str, int]
    version: dict[str, int] | None = None
    is_tick: bool = True


@dataclass(slots=True)
class Known:
    """What the published decisions of a partition tell: ticks, and the camera table at records."""

    ticks: list[Tick] = field(default_factory=list)
    versions: dict[tuple[str, int], dict[str, int]] = field(default_factory=dict)


def known_from(log: PartitionLog, times_us: Mapping[str, list[int]], tick_us: int) -> Known:
    """Return what a partition's decisions tell.

    Args:
        log: the partition.
        times_us: by topic, the append time of each record, not less than that of any before it.
        tick_us: microseconds between ticks, which fall on whole multiples of it.
    """
    known, ticks, raised = Known(), dict[int, Tick](), dict[int, Tick]()
    index = {topic: {r.offset: i for i, r in enumerate(records)} for topic, records in log.inputs.items()}
    all_times = {time_us for times in times_us.values() for time_us in times}
    for published in log.published:
        moment_us, read = _tick_of(published)
        version = table_version(published.record.camera_table_version)
        if moment_us is not None:
            tick = ticks.setdefault(moment_us, Tick(moment_us, {}))
            tick.read |= {topic: max(offset, tick.read.get(topic, -1)) for topic, offset in read.items()}
            tick.version = version
            continue
        causes = [(times_us[t][index[t][o]], TOPIC_ORDER[t], o, t) for t, o in read.items() if o in index.get(t, {})]
        if not causes:
            continue
        at_us, _, offset, topic = max(causes)
        known.versions[topic, offset] = version
        decided_us = published.record.decided_us
        if decided_us > at_us:
            # The partition's time was ahead of the record: a tick that decided nothing came before it.
            is_tick = decided_us % tick_us == 0 or decided_us not in all_times
            before = raised.setdefault(decided_us, Tick(decided_us, {}, is_tick=is_tick))
            before.read[topic] = min(offset - 1, before.read.get(topic, NO_LIMIT))
    for at_us, tick in ticks.items():
        if at_us in raised:
            tick.read = raised[at_us].read | tick.read  # a topic that the tick does not name had not been read yet
    known.ticks = [(raised | ticks)[at_us] for at_us in sorted(raised | ticks)]
    return known


def ticks_beside_grid(log: PartitionLog, tick_us: int) -> int:
    """Return how many decisions name a tick that is no whole multiple of this interval: a worker had another one."""
    moments_us = (_tick_of(published)[0] for published in log.published)
    return sum(moment_us is not None and moment_us % tick_us != 0 for moment_us in moments_us)


def _tick_of(published: Published) -> tuple[int | None, dict[str, int]]:
    """Return the tick that a decision names, if one, and the offsets it names by topic."""
    moment_us = None
    read: dict[str, int] = {}
    for ref in published.record.sources:
        if ref.topic == TICK_TOPIC:
            moment_us = ref.offset
        else:
            read[ref.topic] = max(ref.offset, read.get(ref.topic, -1))
    return moment_us, read


def table_version(text: str) -> dict[str, int]:
    """Return ``cameras@<offset>/health@<offset>…`` as offsets by topic name; parts that are not known are left out.

    A table that names its cameras but no other topic had read nothing of that one: -1.
    """
    parts = (part.partition("@") for part in text.split("/"))
    told = {_VERSION_NAMES[name]: int(offset) for name, _, offset in parts if name in _VERSION_NAMES}
    return dict.fromkeys(_VERSION_NAMES.values(), -1) | told if told else {}
