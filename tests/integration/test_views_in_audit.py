"""Links that a real gateway gives and refuses come out in the chain of access decisions, through a real worker."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from connectors.kit.context import ConnectorContext
from connectors.kit.manifest import build
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.running.cursors import KafkaCursors
from connectors.kit.running.kafka_pictures import KafkaPictures
from connectors.kit.running.publish import Publisher
from connectors.kit.running.runner import SourceJob, run_source
from connectors.kit.settings import ConnectorSettings
from console.embedded_broker import EmbeddedBroker
from console.replaying.check import check
from console.replaying.log import city_log, read_records
from console.replaying.partition_run import RunLimits
from console.replaying.run import run_log
from schemas.access_audit import AccessAudit
from schemas.camera_assignment import CameraAssignment
from schemas.clock import SystemClock
from schemas.codec import decode, encode
from schemas.topics import ACCESS_AUDITS, CAMERA_ASSIGNMENTS, CAMERAS, INCIDENTS, VIEW_SESSIONS, prefixed
from tests.console.commands import call
from tests.console.topics import write_records
from tests.integration.outcomes import settled_outcomes
from tests.support.records import a_camera, an_incident, at
from tests.topologies.running import read, running_worker, write
from topologies.city_engine import CityEngine
from topologies.city_files import load_city
from topologies.settings import Settings
from topologies.topics import ensure_topics

CITY = load_city(Path(__file__).parents[2] / "cities", "demo")
NAME = prefixed("demo")
TOKEN = "token-of-the-112-room-5b1e9c77d0a3"
CASE = "112:17"


@pytest.fixture
def own_broker() -> Iterator[EmbeddedBroker]:
    """Give a broker that has the demo's topics for this test alone."""
    with EmbeddedBroker() as broker:
        yield broker


@asynccontextmanager
async def running_gateway(broker: str, folder: Path) -> AsyncIterator[str]:
    """Give the URL of a gateway that follows the assignments and writes to the broker."""
    settings = ConnectorSettings(bootstrap_servers=(broker,), topic_prefix="demo")
    (folder / "token").write_text(TOKEN)
    (folder / "key").write_text("k" * 40)
    (folder / "agencies.toml").write_text(f'[[agency]]\nname = "demo-112"\ntoken_file = "{folder / "token"}"\n')
    context = ConnectorContext(clock=SystemClock(), pseudonyms=Pseudonyms(b"k" * 32), pictures=KafkaPictures(settings))
    options = {
        "listen": "127.0.0.1:0", "agencies": str(folder / "agencies.toml"), "key_file": str(folder / "key"),
        "link_url": "https://video.example/live/{camera_id}",
    }  # fmt: skip
    source: Any = build("link_gateway", options, context)
    async with Publisher(settings) as publisher:
        stop = asyncio.Event()
        job = SourceJob(name="links", kind="link_gateway", source=source)
        running = asyncio.create_task(run_source(job, publisher, KafkaCursors(settings, publisher), stop))
        try:
            async with asyncio.timeout(30):
                while not source._live.is_ready.is_set():
                    assert not running.done(), running.exception()
                    await asyncio.sleep(0.01)
            yield f"http://127.0.0.1:{context.listeners.port_of('127.0.0.1', 0)}/links"
        finally:
            stop.set()
            await asyncio.wait_for(running, 10)


async def ask(url: str, case_id: str, camera_id: str, **headers: str) -> int:
    """Ask for a link; return the status."""
    sent = {"Authorization": f"Bearer {TOKEN}", **headers}
    async with aiohttp.ClientSession() as session:
        body = {"case_id": case_id, "camera_id": camera_id}
        async with session.post(url, headers=sent, json=body) as answer:
            return answer.status


@pytest.mark.slow
async def test_links_given_and_refused_are_chained_and_the_chain_is_verified(
    own_broker: EmbeddedBroker, tmp_path: Path
) -> None:
    broker = own_broker.bootstrap_servers
    settings = Settings(
        bootstrap_servers=(broker,), city="demo", data_dir=tmp_path, case_partitions=1, session_timeout_s=2
    )
    await asyncio.to_thread(ensure_topics, settings, "demo")
    cameras = [a_camera(f"cam-{n}", location=at(20.0 * n), site_id=f"site-{n}") for n in range(20)]
    await write(broker, NAME(CAMERAS.name), [(c.camera_id.encode(), encode(c)) for c in cameras])
    async with running_worker(settings, "demo", CityEngine(CITY.policy)) as worker:
        await write(broker, NAME(INCIDENTS.name), [(CASE.encode(), encode(an_incident(CASE)))])
        (first,) = await read(broker, NAME(CAMERA_ASSIGNMENTS.name), 1, len)
        assigned = decode(CameraAssignment, first.value).cameras[0].camera_id
        async with running_gateway(broker, tmp_path) as url:
            assert await ask(url, CASE, assigned, **{"X-Operator": "kim-7731"}) == 201
            assert await ask(url, CASE, "cam-of-nobody") == 403
            assert await ask(url, "112:18", assigned) == 403
            views = await read(broker, NAME(VIEW_SESSIONS.name), 1, lambda records: len(records) >= 3)
            # The gateway may deliver a record again: the same bytes.
            await write(broker, NAME(VIEW_SESSIONS.name), [(views[0].key, views[0].value), (b"unknown", b"no avro")])
        assert worker.web is not None
        outcomes = await settled_outcomes(f"http://127.0.0.1:{worker.web.port}", {VIEW_SESSIONS.name: 5})
    assert {outcome: n for (topic, outcome), n in outcomes.items() if topic == VIEW_SESSIONS.name} == {
        "chained": 4, "dead-letter": 1,
    }  # fmt: skip
    chained = await read(broker, NAME(ACCESS_AUDITS.name), 1, lambda records: len(records) >= 5)
    await asyncio.to_thread(_check_chain, own_broker, [decode(AccessAudit, record.value) for record in chained])
    await asyncio.to_thread(_replays_the_same, settings)


def _check_chain(broker: EmbeddedBroker, chained: list[AccessAudit]) -> None:
    """Check what is chained, that it is verified, and that a view that is changed is found."""
    assert [(a.action, a.case_id, a.reason) for a in chained] == [
        ("grant", CASE, "reported"),
        ("view", CASE, "assigned"),
        ("view-refused", CASE, "not-assigned"),
        ("view-refused", "112:18", "no-such-case"),
        ("view", CASE, "assigned"),
    ]
    given = chained[1]
    assert (given.recipients, given.version) == (("demo-112",), 1)
    assert given.actor not in ("agency", "engine")
    assert "kim" not in repr(given)
    assert given.camera_ids[0] in chained[0].camera_ids
    result = call("audit", "verify", broker=broker)
    assert result.exit_code == 0, result.output
    assert "views: 1 given, 2 refused" in result.output
    with EmbeddedBroker() as other:
        call("topics", "create", broker=other)
        changed = dataclasses.replace(given, actor="agency")
        rows = [chained[0], changed, *chained[2:]]
        write_records(other.bootstrap_servers, NAME(ACCESS_AUDITS.name), ACCESS_AUDITS, rows)
        result = call("audit", "verify", broker=other)
        assert result.exit_code == 1
        assert "FAULT changed at 2" in result.output


def _replays_the_same(settings: Settings) -> None:
    options = {"bootstrap_servers": list(settings.bootstrap_servers)}
    log = city_log(read_records(options, NAME, records_max=10_000, timeout_s=60))
    compared = check(log, run_log(CityEngine(CITY.policy), log, RunLimits(round(settings.tick_s * 1e6), 1e12)))
    assert (bool(compared.equal), compared.differing) == (True, 0), compared
