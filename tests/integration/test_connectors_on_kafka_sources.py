"""Sources in processes of their own on a real Kafka that is killed too: no record is lost, and repeats are repeats."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from kafka import KafkaConsumer, TopicPartition

from connectors.kit.reading.json_records import record_to_json
from schemas.codec import decode
from schemas.connector_cursor import ConnectorCursor
from schemas.topics import CONNECTOR_CURSORS, INCIDENTS, Topic
from tests.connectors.helpers import incident
from tests.support.assignments_on_kafka import PARTITIONS, assignment, writer
from tests.support.connector_process import ConnectorCity, ConnectorProcess, until
from tests.support.kafka_server import free_port, why_not_available
from tests.support.loopback import served
from tests.support.restarting_kafka import RestartingKafka
from tests.support.video_wall import video_wall

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.timeout(120)]
BOOTHS, TEXTS_OF, TEXTS = "lost_child_points", "disaster_text", 500
TOKEN = "token-of-the-booths-90aa17"
# Korean time; a text that is older than a day is passed over.
SENT_AT = time.strftime("%Y/%m/%d %H:%M:%S", time.gmtime(time.time() + 9 * 3600))


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="module")
def kafka() -> Iterator[RestartingKafka]:
    """Give a broker of this module's own, which its tests may kill."""
    if reason := why_not_available():
        pytest.skip(reason)
    with RestartingKafka() as kafka:
        yield kafka


def started(city: ConnectorCity, stack: ExitStack, *names: str) -> ConnectorProcess:
    """Return a process of the city that was started; it is killed when the test ends."""
    process = city.process(*names)
    stack.callback(process.kill)
    process.start()
    return process


def line(number: int) -> str:
    """Return a line of a replay file."""
    return json.dumps({"topic": "incidents", "record": record_to_json(incident(number))}) + "\n"


def records(servers: str, prefix: str, topic: Topic = INCIDENTS) -> list[Any]:
    """Return the records that stand on a topic now, by partition and in order."""
    consumer = KafkaConsumer(bootstrap_servers=servers, group_id=None, enable_auto_commit=False)
    try:
        places = [TopicPartition(f"{prefix}.{topic.name}", number) for number in range(topic.partitions(PARTITIONS))]
        consumer.assign(places)
        consumer.seek_to_beginning()
        ends = consumer.end_offsets(places)
        found: list[Any] = []
        while any(consumer.position(place) < end for place, end in ends.items()):
            for fetched in consumer.poll(200, max_records=20_000).values():
                found += fetched
        return [decode(topic.record, record.value) for record in found]
    finally:
        consumer.close(autocommit=False)


async def test_a_broker_that_dies_and_comes_back_costs_no_record_and_the_health_says_so_meanwhile(
    kafka: RestartingKafka, prefix: str, tmp_path: Path, stack: ExitStack
) -> None:
    servers, path = kafka.bootstrap_servers, tmp_path / "events.jsonl"
    path.write_text("".join(line(number) for number in range(100)))
    city = ConnectorCity(tmp_path, servers, prefix)
    async with video_wall() as wall:
        events = city.connector("events", "file_replay", path=str(path), follow=True, poll_interval_s=0.05)
        walled = city.connector("wall", "vms_webhook", role="sink", url=wall.url, hmac_file=city.secret("w", "key"))
        process = started(city, stack, events, walled)
        async with writer(servers, prefix) as writing:
            await process.wait_until(lambda state: state["events"]["accepted"] == 100)
            await writing.commit(assignment(f"c-{number}") for number in range(50))
            await until(lambda: wall.newest == writing.newest, says=lambda: process.output)
        assert await process.health() == 200

        kafka.go_away()
        with path.open("a") as file:
            file.write("".join(line(number) for number in range(100, 500)))
        await process.wait_until(lambda state: all(s["state"] == "pausing" for s in state.values()), 15)
        assert await process.health() == 503
        kafka.come_back()
        await process.wait_until(lambda state: all(s["state"] == "running" for s in state.values()))
        assert await process.health() == 200
        await process.wait_until(lambda state: state["events"]["accepted"] >= 500)
        async with writer(servers, prefix) as writing:
            await writing.commit(assignment(f"c-{number}", 2) for number in range(50))
            await until(lambda: wall.newest == writing.newest, says=lambda: process.output)
        ids = Counter(record.event_id for record in records(servers, prefix))
        assert set(ids) == {incident(number).event_id for number in range(500)}

        # A stop does not wait for a broker that is away.
        kafka.go_away()
        with path.open("a") as file:
            file.write(line(500))
        await process.wait_until(lambda state: state["events"]["waiting"] == 1)
        took_s = process.stop()
        kafka.come_back()
    print(f"{ids.total() - 500} repeats, {wall.repeats} calls told again, stopped without a broker in {took_s:.2f} s")
    assert took_s < 2


async def test_a_file_that_grows_is_read_on_after_every_kill_and_stores_its_place_in_kafka(
    kafka: RestartingKafka, prefix: str, tmp_path: Path, stack: ExitStack
) -> None:
    dice, servers, total, kills = random.Random(5), kafka.bootstrap_servers, 30_000, 4
    path = tmp_path / "events.jsonl"
    path.write_text("".join(line(number) for number in range(total)))
    city = ConnectorCity(tmp_path, servers, prefix)
    process = started(city, stack, city.connector("events", "file_replay", path=str(path), follow=True))
    for _ in range(kills):
        await process.wait_until(lambda state: state["events"]["accepted"] > 0)
        await asyncio.sleep(dice.uniform(0.0, 0.5))
        process.kill()
        process.start()
    await process.wait_until(
        lambda state: (
            state["events"]["waiting"] == 0
            and state["events"]["accepted"] > 0
            and state["events"]["last_entry_age_s"] > 0.5
        )
    )
    took_s = process.stop()
    ids = Counter(record.event_id for record in records(servers, prefix))
    cursor: ConnectorCursor = records(servers, prefix, CONNECTOR_CURSORS)[-1]
    print(f"{total} records, {kills} kills, {ids.total() - total} repeats, stopped in {took_s:.2f} s")
    assert took_s < 2
    assert set(ids) == {incident(number).event_id for number in range(total)}
    assert ids.total() < kills * total
    assert cursor.cursor.startswith(f"{path.stat().st_size}:{total}:")


def report(number: str) -> dict[str, str]:
    """Return what a booth says of a child."""
    return {"report": number, "booth": "gate-south", "at": "2026-03-01T11:50:00+09:00", "state": "missing"}


def text(number: int) -> dict[str, Any]:
    """Return a disaster text as the list that is polled shows it."""
    told = {"EMRG_STEP_NM": "긴급재난", "DST_SE_NM": "호우", "RCPTN_RGN_NM": "서울특별시 전체"}
    return {"SN": number, "CRT_DT": SENT_AT, **told}


async def push(session: aiohttp.ClientSession, url: str, number: int) -> bool:
    """Push a report; return whether it was answered as safe."""
    try:
        async with session.post(url, json=report(f"push-{number}"), headers={"Authorization": f"Bearer {TOKEN}"}) as a:
            assert a.status in (202, 503)
            return a.status == 202
    except aiohttp.ClientError:
        return False


async def test_pushes_that_were_answered_and_a_list_that_is_polled_survive_every_kill(
    kafka: RestartingKafka, prefix: str, tmp_path: Path, stack: ExitStack
) -> None:
    dice, servers, kills = random.Random(3), kafka.bootstrap_servers, 4
    city, listen = ConnectorCity(tmp_path, servers, prefix), f"127.0.0.1:{free_port()}"
    booths: dict[str, Any] = {"token_file": city.secret("token", TOKEN)}
    safe, sent, stop = 0, 0, asyncio.Event()

    async def listed(_: web.BaseRequest) -> web.Response:
        return web.json_response({"body": [text(number) for number in range(TEXTS)]})

    async def send(session: aiohttp.ClientSession) -> None:
        nonlocal safe, sent
        while not stop.is_set():
            sent += 1
            # Sent again until it is answered, as the page of the transport asks of a sender.
            safe += await push(session, f"http://{listen}/booths", safe)
            await asyncio.sleep(0.005)

    async with served(listed) as url, aiohttp.ClientSession() as session:
        pushed = city.connector(
            "pushed", BOOTHS, transport="http-push", listen=listen, url_path="/booths", rate_per_s=1_000, **booths
        )
        polled = city.connector("polled", TEXTS_OF, url=url, interval_s=0.1, city_names=["서울특별시"])
        process = started(city, stack, pushed, polled)
        sending = asyncio.create_task(send(session))
        for _ in range(kills):
            before = safe
            await until(lambda: safe > before + 20, says=lambda: process.output)  # noqa: B023
            await asyncio.sleep(dice.uniform(0.0, 0.5))
            process.kill()
            process.start()
        await until(lambda: safe > before + 200, says=lambda: process.output)
        stop.set()
        await sending
        await process.wait_until(lambda state: state["polled"]["connected"] and state["polled"]["waiting"] == 0)
        assert process.stop() < 2
    ids = Counter(record.event_id for record in records(servers, prefix))
    cases = {record.case_id for record in records(servers, prefix)}
    print(f"{safe} pushes answered of {sent}, {len(ids)} records, {kills} kills, {ids.total() - len(ids)} repeats")
    assert {f"{BOOTHS}:push-{number}" for number in range(safe)} <= cases
    assert {f"{TEXTS_OF}:{number}" for number in range(TEXTS)} <= cases
    # A repeat has the event id that it had: each report and each text has one.
    assert len(ids) == len(cases)
    assert ids.total() - len(ids) < (kills + 1) * TEXTS


async def test_a_connector_that_fails_all_the_time_keeps_no_other_from_its_work(
    kafka: RestartingKafka, prefix: str, tmp_path: Path, stack: ExitStack
) -> None:
    servers, path = kafka.bootstrap_servers, tmp_path / "events.jsonl"
    path.write_text("".join(line(number) for number in range(5_000)))
    city = ConnectorCity(tmp_path, servers, prefix)
    key = city.secret("wall.key", "key-of-the-wall")
    async with video_wall() as wall, video_wall(is_down=True) as broken:
        names = [
            city.connector("events", "file_replay", path=str(path), follow=True),
            city.connector("wall", "vms_webhook", role="sink", url=wall.url, hmac_file=key),
            city.connector("nothing-there", "file_replay", path=str(tmp_path / "none.jsonl")),
            city.connector("broken-wall", "vms_webhook", role="sink", url=broken.url, hmac_file=key),
        ]
        process = started(city, stack, *names)
        await process.wait_until(lambda state: len(state) == len(names))
        async with writer(servers, prefix) as writing:
            await writing.commit(assignment(f"c-{number}") for number in range(200))
            await until(lambda: wall.newest == writing.newest, says=lambda: process.output)
        state = await process.wait_until(
            lambda state: (
                state["events"]["accepted"] == 5_000
                and all(state[name]["unavailable"] >= 2 for name in ("nothing-there", "broken-wall"))
            )
        )
        assert {name: shown["state"] for name, shown in state.items()} == {
            "events": "running", "wall": "running", "nothing-there": "pausing", "broken-wall": "pausing",
        }  # fmt: skip
        status, page = await process.get("/healthz")
        assert (status, json.loads(page)["pausing"]) == (503, ["nothing-there", "broken-wall"])
        metrics = (await process.get("/metrics"))[1]
        assert 'goldentime_connector_accepted_total{connector="events",kind="file_replay"} 5000.0' in metrics
        assert 'goldentime_connector_accepted_total{connector="wall",kind="vms_webhook"} 200.0' in metrics
        assert 'goldentime_connector_accepted_total{connector="broken-wall",kind="vms_webhook"} 0.0' in metrics
        assert 'goldentime_connector_unavailable_total{connector="wall",kind="vms_webhook"} 0.0' in metrics

        broken.is_down = False
        await until(lambda: broken.newest == writing.newest, says=lambda: process.output)
        assert process.stop() < 2
    assert wall.repeats == 0
