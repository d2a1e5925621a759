"""A removal is an entry like any other: it goes out as a tombstone, shows in examples, and moves the cursor."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from connectors.kit.ladder.matching import differences, event_of
from connectors.kit.ladder.validating import Sample, validate
from connectors.kit.running.publish import Publisher
from connectors.kit.running.runner import SourceJob, run_source
from connectors.kit.source import Entry, removed
from schemas.topics import CAMERAS, INCIDENTS
from tests.connectors.local_context import a_context
from tests.support.memory_log import SETTINGS, MemoryCursors, MemoryLog


class _Ends:
    async def entries(self, cursor: str | None) -> AsyncIterator[Entry]:
        if cursor is None:
            yield removed(CAMERAS, "cam-1", cursor="1")


async def test_a_removal_goes_out_as_a_tombstone_and_its_cursor_is_stored() -> None:
    log, cursors = MemoryLog(), MemoryCursors()
    publisher = Publisher(SETTINGS, opener=log.opener)
    job = SourceJob(name="cameras", kind="cctv_registry", source=_Ends())

    await run_source(job, publisher, cursors, asyncio.Event(), a_context().clock)
    await publisher.close()

    [stored] = log.of("cameras")
    assert (stored.key, stored.value) == (b"cam-1", None)
    assert [written.cursor for written in cursors.written] == ["1"]


def test_an_example_and_a_sample_show_what_was_removed() -> None:
    entry = removed(CAMERAS, "cam-1")

    assert event_of(entry) == {"topic": "cameras", "removed": "cam-1"}
    assert differences([{"topic": "cameras", "removed": "cam-1"}], [entry]) == []
    assert differences([{"topic": "cameras", "removed": "cam-2"}], [entry])
    assert differences([{"topic": "cameras", "record": {}}], [entry])
    assert validate([Sample(b"", [entry])]).accepted == {"cameras": 1}


@pytest.mark.parametrize(("topic", "key"), [(INCIDENTS, "112:1"), (CAMERAS, "")])
def test_only_a_key_of_a_compacted_topic_can_be_removed(topic: object, key: str) -> None:
    with pytest.raises(ValueError, match="only a key of a compacted topic"):
        removed(topic, key)  # type: ignore[arg-type]
