"""What a sink would tell of the records that stand on the city's topics; it is not asked to write any."""

import heapq
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.instances import ConnectorInstance
from connectors.kit.sink import Delivered
from console.connector_setup import trial_context_of
from console.options import Options
from console.topic_reader import ReadRecord, open_topic
from schemas.topics import Topic


@dataclass(frozen=True, slots=True)
class SinkTrial:
    """What came of a trial.

    Attributes:
        told: per record, oldest first, its topic, place and key, and ``output``: what ``render`` gives; None where the
            sink tells nothing of it.
        is_whole: whether the topics were read to their ends, so that the records are the newest.
    """

    told: list[dict[str, Any]]
    is_whole: bool


def try_sink(options: Options, instance: ConnectorInstance, *, most: int, within_s: float) -> SinkTrial:
    """Return what a sink would tell of the newest records of its topics.

    Its ``render`` is asked for each record alone, so what it remembers of earlier ones plays no part.

    Args:
        options: broker and city.
        instance: the sink.
        most: at most so many records.
        within_s: how long to read, seconds; a topic that is longer is read from its beginning for that time.

    Raises:
        ConnectorConfigError: an option is wrong, or the sink has no ``render``.
        BrokerUnavailableError: no broker answers.
        NoSuchTopicError: the broker lacks one of the topics.
    """
    sink = instance.build_sink(trial_context_of(options))
    render = getattr(sink, "render", None)
    if render is None:
        raise ConnectorConfigError(f"connector {instance.name}: {instance.kind} has no render(), which a dry run shows")
    deadline_s, is_whole = time.monotonic() + within_s, True
    found: list[tuple[Topic, ReadRecord]] = []
    for topic in sink.topics:
        with open_topic(options.client_options(), topic, options.full_name()(topic.name)) as reader:
            reading = _Until(reader.to_end(), deadline_s)
            found += [(topic, read) for read in heapq.nlargest(most, reading, key=_age)]
            is_whole = is_whole and not reading.is_cut
    newest = sorted(found, key=lambda pair: _age(pair[1]))[-most:]
    return SinkTrial([_told(render, topic, read) for topic, read in newest], is_whole)


class _Until:
    """Records up to a deadline of the monotonic clock."""

    def __init__(self, records: Iterator[ReadRecord], deadline_s: float) -> None:
        self.is_cut = False
        self._records = records
        self._deadline_s = deadline_s

    def __iter__(self) -> Iterator[ReadRecord]:
        for record in self._records:
            yield record
            if time.monotonic() > self._deadline_s:
                self.is_cut = True
                return


def _age(read: ReadRecord) -> tuple[int, int, int]:
    return read.timestamp_us, read.partition, read.offset


def _told(render: Any, topic: Topic, read: ReadRecord) -> dict[str, Any]:
    output = render(Delivered(topic, read.partition, read.offset, read.key.encode(), read.record))
    return {
        "topic": topic.name,
        "partition": read.partition,
        "offset": read.offset,
        "key": read.key,
        "output": output,
    }
