"""A worker from outside: its web server, its readiness, its stop."""

import asyncio
import json
import signal
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from console.embedded_broker import EmbeddedBroker
from schemas.camera_assignment import CameraAssignment
from schemas.codec import decode
from schemas.registry import newest_schema
from schemas.topics import CAMERA_ASSIGNMENTS, CAMERAS, INCIDENTS, TOPICS
from tests.support.kafka_server import free_port
from tests.topologies.counting_engine import CountingEngine
from tests.topologies.processes import WorkerProcess, environment
from tests.topologies.running import read, running_worker, until, write
from topologies.errors import UnitFailedError
from topologies.settings import Guarantee, Settings
from topologies.topics import ensure_topics
from topologies.worker import Worker


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


async def get_json(url: str) -> tuple[int, Any]:
    code, text = await asyncio.to_thread(get, url)
    return code, json.loads(text)


async def test_a_worker_is_ready_when_cameras_and_partitions_are_there(settings: Settings, prefix: str) -> None:
    servers = settings.bootstrap_servers[0]
    ensure_topics(settings, prefix)
    lines: list[str] = []
    worker = Worker(settings, prefix=prefix, city="test", engine=CountingEngine(), announce=lines.append)
    running = asyncio.create_task(worker.run())
    await until(lambda: worker.web is not None and worker.web.port > 0)
    assert worker.web is not None
    url = worker.web.url
    code, body = await get_json(f"{url}/readyz")
    assert code == 503
    assert body["ready"] is False
    assert {"cameras", "camera-health", "partitions"} <= body["reasons"].keys()

    await until(worker.ready.is_set)
    code, body = await get_json(f"{url}/readyz")
    assert code == 503
    assert body["reasons"].keys() == {"cameras"}
    assert "empty" in body["reasons"]["cameras"]

    await write(servers, f"{prefix}.{CAMERAS.name}", [(b"cam-1", b"row"), (b"cam-2", b"row")])
    assert worker.topology is not None
    await until(lambda: len(worker.topology.cameras) == 2)
    assert await get_json(f"{url}/readyz") == (200, {"ready": True, "reasons": {}})
    assert (await get_json(f"{url}/livez"))[0] == 200
    code, status = await get_json(f"{url}/status")
    assert (code, status["guarantee"], status["cameras"]) == (200, "plain", 2)
    assert sorted(status["partitions"]) == ["0", "1"]

    worker.stop()
    await asyncio.wait_for(running, 30)
    assert len(lines) == 1
    assert lines[0].startswith("ready: 0 cameras, 2 partitions, ")


async def test_metrics_tell_of_units_latency_lag_and_cases(settings: Settings, prefix: str) -> None:
    servers = settings.bootstrap_servers[0]
    ensure_topics(settings, prefix)
    async with running_worker(settings, prefix, CountingEngine()) as worker:
        assert worker.web is not None
        await write(servers, f"{prefix}.{INCIDENTS.name}", [(b"a", b"1"), (b"b", b"bad"), (b"c", b"1")], partition=1)
        await read(servers, f"{prefix}.{CAMERA_ASSIGNMENTS.name}", 2, lambda r: len(r) >= 2)
        wanted = [
            'goldentime_records_total{outcome="decided",topic="incidents"} 2.0',
            'goldentime_dead_letters_total{reason="avro",topic="incidents"} 1.0',
            'goldentime_report_to_assignment_seconds_count{service="police"} 2.0',
            'goldentime_open_cases{service="police",status="active"} 2.0',
            'goldentime_consumer_lag_records{partition="1",topic="incidents"} 0.0',
            'goldentime_stage_seconds_count{stage="commit"}',
            "goldentime_batch_size_sum 3.0",
        ]
        text = ""
        for _ in range(40):
            _, text = await asyncio.to_thread(get, f"{worker.web.url}/metrics")
            if all(line in text for line in wanted):
                break
            await asyncio.sleep(0.1)
        assert [line for line in wanted if line not in text] == []


async def test_the_official_clients_read_schemas_from_the_worker(settings: Settings, prefix: str) -> None:
    servers = settings.bootstrap_servers[0]
    ensure_topics(settings, prefix)
    topic = f"{prefix}.{CAMERA_ASSIGNMENTS.name}"
    async with running_worker(settings, prefix, CountingEngine()) as worker:
        assert worker.web is not None
        await write(servers, f"{prefix}.{INCIDENTS.name}", [(b"a", b"1")])
        value = (await read(servers, topic, 2, lambda r: len(r) >= 1))[0].value
        url = worker.web.url

        def ask() -> tuple[Any, ...]:
            with SchemaRegistryClient({"url": url}) as client:
                newest = client.get_latest_version(f"{topic}-value")
                deserialized = AvroDeserializer(client)(value, SerializationContext(topic, MessageField.VALUE))
                return newest, client.get_subjects(), client.get_versions(f"{topic}-value"), deserialized

        newest, subjects, versions, deserialized = await asyncio.to_thread(ask)
        published = newest_schema("CameraAssignment")
        assert (newest.schema_id, newest.version) == (published.schema_id, published.version)
        assert len(subjects) == 2 * len(TOPICS)
        assert published.version in versions
        assert deserialized["case_id"] == decode(CameraAssignment, value).case_id
        for path, error_code in (
            ("/schemas/ids/999999", 40403),
            ("/subjects/nothing-value/versions", 40401),
            (f"/subjects/{topic}-value/versions/99", 40402),
            (f"/subjects/{topic}-value/versions/newest", 42202),
        ):
            code, body = await get_json(worker.web.url + path)
            assert (code // 100, body["error_code"]) == (4, error_code)


@pytest.mark.slow
async def test_an_unexpected_error_ends_the_worker_and_keeps_the_record(settings: Settings, prefix: str) -> None:
    servers = settings.bootstrap_servers[0]
    ensure_topics(settings, prefix)
    worker = Worker(settings, prefix=prefix, city="test", engine=CountingEngine(), announce=lambda line: None)
    running = asyncio.create_task(worker.run())
    await until(worker.ready.is_set)
    await write(servers, f"{prefix}.{INCIDENTS.name}", [(b"a", b"crash")])
    with pytest.raises(RuntimeError, match="told to crash"):
        await asyncio.wait_for(running, 30)
    engine = CountingEngine()
    engine.crash_value = b"nothing"
    async with running_worker(settings, prefix, engine):
        records = await read(servers, f"{prefix}.{CAMERA_ASSIGNMENTS.name}", 2, lambda r: len(r) >= 1)
    assert records[0].key == b"a"


async def test_transactions_asked_of_a_broker_without_them_end_the_worker(settings: Settings, prefix: str) -> None:
    wanting = Settings(
        bootstrap_servers=settings.bootstrap_servers,
        city="test",
        data_dir=settings.data_dir,
        case_partitions=2,
        session_timeout_s=2,
        guarantee=Guarantee.TRANSACTIONAL,
    )
    with pytest.raises(UnitFailedError, match="no transactional producer"):
        async with running_worker(wanting, prefix, CountingEngine()):
            pass


@pytest.mark.slow
async def test_a_second_worker_takes_half_and_gives_it_back(settings: Settings, prefix: str) -> None:
    servers = settings.bootstrap_servers[0]
    ensure_topics(settings, prefix)
    topic = f"{prefix}.{INCIDENTS.name}"
    async with running_worker(settings, prefix, CountingEngine()) as first:
        assert first.topology is not None
        await write(servers, topic, [(b"p0", b"1")], partition=0)
        await write(servers, topic, [(b"p1", b"1")], partition=1)
        await read(servers, f"{prefix}.{CAMERA_ASSIGNMENTS.name}", 2, lambda r: len(r) >= 2)
        async with running_worker(settings_of_another(settings), prefix, CountingEngine()) as second:
            assert second.topology is not None
            await until(lambda: len(first.topology.crew.pumps) == len(second.topology.crew.pumps) == 1)
            await until(first.topology.crew.running.is_set)
            await write(servers, topic, [(b"p0", b"2")], partition=0)
            await write(servers, topic, [(b"p1", b"2")], partition=1)
            await read(servers, f"{prefix}.{CAMERA_ASSIGNMENTS.name}", 2, lambda r: len(r) >= 4)
        await until(lambda: len(first.topology.crew.pumps) == 2)
        await write(servers, topic, [(b"p0", b"3")], partition=0)
        await write(servers, topic, [(b"p1", b"3")], partition=1)
        records = await read(servers, f"{prefix}.{CAMERA_ASSIGNMENTS.name}", 2, lambda r: len(r) >= 6)
    versions = [(a.case_id, a.version) for a in (decode(CameraAssignment, record.value) for record in records)]
    assert sorted(versions) == [(case, version) for case in ("p0", "p1") for version in (1, 2, 3)]


def settings_of_another(settings: Settings) -> Settings:
    return Settings(
        bootstrap_servers=settings.bootstrap_servers,
        city="test",
        data_dir=settings.data_dir / "other",
        case_partitions=2,
        session_timeout_s=2,
    )


@pytest.mark.slow
@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_signal_ends_the_process_cleanly(
    embedded_broker: str, settings: Settings, prefix: str, tmp_path: Path, signal_number: signal.Signals
) -> None:
    ensure_topics(settings, prefix)
    own = environment(embedded_broker, prefix, tmp_path, case_partitions="2")
    worker = WorkerProcess(tmp_path / "log", own)
    try:
        worker.start()
        await asyncio.to_thread(worker.wait_until_ready)
        await write(embedded_broker, f"{prefix}.{INCIDENTS.name}", [(b"a", b"1")] * 500)
        await read(embedded_broker, f"{prefix}.{CAMERA_ASSIGNMENTS.name}", 2, lambda r: len(r) >= 1)
        worker.send(signal_number)
        assert await asyncio.to_thread(worker.wait, 20) == 0
    finally:
        worker.end()
    assert [line for line in worker.output.splitlines() if "ready: " not in line] == []


@pytest.mark.slow
async def test_a_worker_without_its_broker_is_not_ready_and_can_be_stopped(tmp_path: Path, prefix: str) -> None:
    with EmbeddedBroker() as broker:
        servers = broker.bootstrap_servers
        own = environment(servers, prefix, tmp_path, case_partitions="2", web_port=str(free_port()))
        worker = WorkerProcess(tmp_path / "log", own)
        try:
            worker.start()
            await asyncio.to_thread(worker.wait_until_ready)
            await write(servers, f"{prefix}.{CAMERAS.name}", [(b"cam-1", b"row")])
            url = f"http://127.0.0.1:{own['GOLDENTIME_WEB_PORT']}/readyz"
            await until_answer(url, {"ready": True, "reasons": {}})
            broker.stop()
            await until_answer(url, {"ready": False, "reasons": {"broker": "no answer for 10 s"}})
            worker.send(signal.SIGTERM)
            assert await asyncio.to_thread(worker.wait, 40) == 0
        finally:
            worker.end()


async def until_answer(url: str, wanted: Any) -> None:
    """Ask until the answer is the one that is wanted."""
    async with asyncio.timeout(30):
        while (await get_json(url))[1] != wanted:
            await asyncio.sleep(0.2)
