"""Whole lists with what a broker holds: who stands, and where reading goes on, come from its topics alone."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.kit.manifest import build
from connectors.kit.running.cursors import KafkaCursors
from connectors.kit.running.kafka_pictures import KafkaPictures
from connectors.kit.running.publish import Publisher
from connectors.kit.running.runner import SourceJob, run_source
from connectors.kit.settings import ConnectorSettings
from connectors.kit.source import Source
from tests.connectors.local_context import a_context

pytestmark = pytest.mark.slow


async def read(city: ConnectorSettings, folder: Path, count: int) -> tuple[int, int]:
    """Run a fresh instance over a list of so many people; return how many records and refusals it made."""
    lines = (json.dumps({"person": f"W-{n}", "trackers": [f"T-{n}"]}) + "\n" for n in range(count))
    (folder / f"{len(list(folder.iterdir()))}.jsonl").write_text("".join(lines), "utf-8")
    options = {"path": str(folder), "once": True, "complete": True, "list_name": "riverside"}
    source: Source = build("welfare_registry", options, replace(a_context(), pictures=KafkaPictures(city)))
    async with Publisher(city) as publisher:
        job = SourceJob(name="lists", kind="welfare_registry", source=source)
        async with asyncio.timeout(60):
            counters = await run_source(job, publisher, KafkaCursors(city, publisher), asyncio.Event())
    return counters.accepted, counters.refused


async def test_each_next_list_tells_only_what_is_new_and_ends_who_is_left_out(
    city: ConnectorSettings, tmp_path: Path
) -> None:
    assert await read(city, tmp_path, 40) == (80, 0)
    assert await read(city, tmp_path, 40) == (0, 0)
    assert await read(city, tmp_path, 38) == (4, 0)
    assert await read(city, tmp_path, 19) == (0, 1)
    assert await read(city, tmp_path, 39) == (2, 0)
