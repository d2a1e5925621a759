"""When each source was last heard of: read from the beginnings of a few records of a batch, not from all of them.

All records from outside begin with ``event_id``, ``source`` and ``observed_us``, so these are read without decoding the
rest. A batch may hold thousands of fixes: a sample that is spread evenly over it, and its newest record, tell enough.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.reading.batch import RawBatch
from schemas.avsc import avro_schema
from schemas.topics import CASE_INPUTS

BEGINNING = ("event_id", "source", "observed_us")
# The magic byte and the schema's id, before the Avro body.
_BODY_AT = 5
SAMPLES_MAX = 32
SOURCES_MAX = 32
NAME_LENGTH_MAX = 40
OTHER = "other"
TOPICS = frozenset(
    topic.name
    for topic in CASE_INPUTS
    if tuple(f["name"] for f in avro_schema(topic.record)["fields"][: len(BEGINNING)]) == BEGINNING
)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a record told: the source's name, when the source observed it, and when it was appended, in microseconds."""

    source: str
    observed_us: int
    appended_us: int


def heard_in(batch: RawBatch) -> dict[str, Heard]:
    """Return the newest of a batch's sampled records of each source; nothing for topics that sources do not write.

    Records that do not decode are left out; others answer them.
    """
    newest: dict[str, Heard] = {}
    if batch.topic not in TOPICS:
        return newest
    step = -(-len(batch.values) // SAMPLES_MAX)
    for i in range((len(batch.values) - 1) % step, len(batch.values), step):
        beginning = _beginning(batch.values[i] or b"")
        if beginning is not None:
            newest[beginning[0]] = Heard(*beginning, batch.appended_us[i])
    return newest


class SourceTimes:
    """The newest word of each source, over all partitions of a worker; a bounded number of names."""

    def __init__(self) -> None:
        self._newest: dict[str, Heard] = {}

    def take(self, batch: RawBatch) -> None:
        """Note what a batch tells."""
        for source, heard in heard_in(batch).items():
            name = source if source in self._newest or len(self._newest) < SOURCES_MAX else OTHER
            before = self._newest.get(name)
            if before is None or heard.appended_us >= before.appended_us:
                self._newest[name] = heard

    def lags_s(self) -> Iterator[tuple[str, float]]:
        """Yield for each source how long its newest event took from being observed to being appended, seconds."""
        for name, heard in self._newest.items():
            yield name, max(0.0, (heard.appended_us - heard.observed_us) / 1e6)

    def idle_s(self, now_us: int) -> Iterator[tuple[str, float]]:
        """Yield for each source how long ago its newest event was appended, seconds."""
        for name, heard in self._newest.items():
            yield name, max(0.0, (now_us - heard.appended_us) / 1e6)


def _beginning(value: bytes) -> tuple[str, int] | None:
    """Return a record's source and observed_us; None where it has none or a name that is no name."""
    try:
        length, at = _long(value, _BODY_AT)
        length, at = _long(value, at + length)
        name = value[at : at + length].decode("ascii")
        observed_us, _ = _long(value, at + length)
    except (IndexError, UnicodeDecodeError):
        return None
    return (name, observed_us) if 0 < length <= NAME_LENGTH_MAX and name.isprintable() else None


def _long(value: bytes, at: int) -> tuple[int, int]:
    """Return an Avro long and the place after it."""
    bits = shift = 0
    while True:
        byte = value[at]
        at += 1
        bits |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (bits >> 1) ^ -(bits & 1), at
        shift += 7
        if shift > 63:
            raise IndexError("longer than a long")
