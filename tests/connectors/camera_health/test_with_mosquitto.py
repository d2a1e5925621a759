"""Heartbeats over a real mosquitto: changes come, and what was not published comes again."""

import asyncio
import json
from contextlib import aclosing
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from connectors.camera_health.source import CameraHealthSource, Config
from tests.connectors.local_context import NOON_US, a_context
from tests.support.mosquitto_server import mosquitto_binary, running_mosquitto

pytestmark = [
    pytest.mark.slow,
    pytest.mark.mosquitto,
    pytest.mark.skipif(mosquitto_binary() is None, reason="mosquitto is not installed"),
]


async def test_a_change_that_was_not_published_is_told_again_by_the_broker(tmp_path: Path) -> None:
    with running_mosquitto(tmp_path / "mosquitto") as server:
        config = Config.from_options({"transport": "mqtt", "host": "127.0.0.1", "port": server.port})
        lost = CameraHealthSource(config, a_context())
        first = asyncio.create_task(_next(lost, confirm=False))
        async with asyncio.timeout(20):
            while not lost.is_connected:
                await asyncio.sleep(0.01)
            async with aiomqtt.Client("127.0.0.1", server.port) as client:
                for state in ("up", "up", "no-signal"):
                    beat = {"camera_id": "cam-1", "state": state, "at": NOON_US // 1_000_000}
                    await client.publish("cameras/1/health", json.dumps(beat).encode(), qos=1)
            assert (await first).record.state == "up"
            again = await _next(CameraHealthSource(config, a_context()), confirm=True)
            assert again.record.event_id == first.result().record.event_id


async def _next(source: CameraHealthSource, *, confirm: bool) -> Any:
    async with aclosing(source.entries(None)) as entries:
        entry = await anext(entries)
        if confirm and entry.cursor is not None:
            source.acknowledged(entry.cursor)
        return entry
