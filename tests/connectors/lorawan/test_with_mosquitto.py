"""Both network servers' topics on a real mosquitto: what is taken, what is left, and what is kept during an outage."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from connectors.kit.manifest import build
from tests.connectors.local_context import a_context
from tests.connectors.lorawan.test_forms import sample, with_payload
from tests.support.mosquitto_server import MosquittoServer, mosquitto_binary, running_mosquitto

pytestmark = [
    pytest.mark.slow,
    pytest.mark.mosquitto,
    pytest.mark.skipif(mosquitto_binary() is None, reason="mosquitto is not installed"),
]
LIMIT_S = 20.0
TOPICS = {
    "chirpstack": "application/17c82e96/device/70b3d57ed0049af1/event/",
    "things-stack": "v3/care@ttn/devices/watch/",
}


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[MosquittoServer]:
    with running_mosquitto(tmp_path / "mosquitto") as server:
        yield server


def a_source(server: MosquittoServer, form: str) -> Any:
    options = {"transport": "mqtt", "host": "127.0.0.1", "port": server.port, "form": form, "client_id": f"c-{form}"}
    return build("lorawan", options, a_context())


async def send(server: MosquittoServer, topic: str, *messages: Any, qos: int = 1) -> None:
    async with aiomqtt.Client("127.0.0.1", server.port) as client:
        for message in messages:
            await client.publish(topic, json.dumps(message).encode(), qos=qos)


async def take(source: Any, count: int) -> list[Any]:
    entries: list[Any] = []
    async with asyncio.timeout(LIMIT_S), aclosing(source.entries(None)) as stream:
        async for entry in stream:
            entries.append(entry)
            source.acknowledged(entry.cursor)
            if len(entries) == count:
                break
    return entries


async def subscribed(source: Any) -> None:
    """Make the session known to the broker, so that it keeps what comes from now on."""
    reading = asyncio.create_task(take(source, 1))
    async with asyncio.timeout(LIMIT_S):
        while not source.is_connected:
            await asyncio.wait({reading}, timeout=0.01)
            assert not reading.done(), reading.exception()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)


@pytest.mark.parametrize(("form", "up", "other"), [("chirpstack", "up", "ack"), ("things-stack", "up", "down/ack")])
async def test_uplinks_sent_while_the_connector_is_down_arrive_and_other_events_are_not_even_asked_for(
    mosquitto: MosquittoServer, form: str, up: str, other: str
) -> None:
    source = a_source(mosquitto, form)
    await subscribed(source)
    await send(mosquitto, TOPICS[form] + other, {"deviceInfo": {}})
    await send(mosquitto, TOPICS[form] + up, sample(form), with_payload(form, {"sos": True}))

    fix, alert = await take(source, 2)

    assert (fix.topic.name, alert.record.kind) == ("tracker-fixes", "sos")
    assert fix.record.case_id == alert.record.case_id


async def test_messages_of_quality_zero_arrive_while_the_connector_listens(mosquitto: MosquittoServer) -> None:
    source = a_source(mosquitto, "things-stack")
    taking = asyncio.create_task(take(source, 1))
    while not source.is_connected:
        await asyncio.wait({taking}, timeout=0.01)
    await send(mosquitto, TOPICS["things-stack"] + "up", sample("things-stack"), qos=0)

    (fix,) = await taking

    assert fix.record.location.lat_deg == 37.5665
