"""What a connector must know of our own topics, read anew from a real Kafka at every start."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, aclosing
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiokafka import AIOKafkaProducer

from connectors.kit.running.kafka_pictures import KafkaPictures
from connectors.kit.settings import ConnectorSettings
from schemas.codec import encode
from schemas.topics import CAMERA_ASSIGNMENTS
from tests.support.assignments_on_kafka import ABORTED, AssignmentWriter, assignment, writer
from tests.support.connector_process import ConnectorCity, ConnectorProcess, until
from tests.support.kafka_server import free_port
from topologies.settings import Settings
from topologies.topics import ensure_topics

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.timeout(120)]
TOKEN = "token-of-112-5b1e9c77d0a3"
CASES, ROUNDS = 300, 20


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def city(kafka_broker: str, prefix: str, tmp_path: Path) -> ConnectorCity:
    """Give a city whose topics are there."""
    ensure_topics(Settings(bootstrap_servers=(kafka_broker,), city=prefix, data_dir=tmp_path), prefix)
    return ConnectorCity(tmp_path, kafka_broker, prefix)


def gateway(city: ConnectorCity, stack: ExitStack) -> tuple[ConnectorProcess, str]:
    """Return a process, not started, of a gateway, and where it is asked."""
    token = city.secret("token", TOKEN)
    agencies = city.secret("agencies.toml", f'[[agency]]\nname = "city-112"\ntoken_file = "{token}"\n')
    listen = f"127.0.0.1:{free_port()}"
    name = city.connector(
        "gateway", "link_gateway", listen=listen, agencies=agencies, key_file=city.secret("key", "k" * 40),
        link_url="https://video.example/live/{camera_id}", rate_per_s=10_000,
    )  # fmt: skip
    process = city.process(name)
    stack.callback(process.kill)
    return process, f"http://{listen}/links"


async def ask(url: str, case_id: str) -> int:
    """Ask for a link to the case's camera; return the status, 0 where nobody listens."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
            session.post(url, json={"case_id": case_id, "camera_id": "cam-1"}, headers=headers) as answer,
        ):
            return answer.status
    except aiohttp.ClientError:
        return 0


async def history(writing: AssignmentWriter) -> None:
    """Write many versions of many cases; in the end a third is open, a third is released, a third is forgotten."""
    for number in range(1, ROUNDS):
        await writing.commit(assignment(f"c-{n}", number) for n in range(CASES))
    released = {"status": "released", "recipients": (), "cameras": ()}
    await writing.commit(assignment(f"c-{n}", ROUNDS, **released) for n in range(1, CASES, 3))
    await writing.forget(f"c-{n}" for n in range(2, CASES, 3))
    await writing.abort(assignment(f"c-{n}", ROUNDS + 1) for n in range(CASES))


async def test_a_gateway_answers_not_ready_until_it_knows_all_cases_again_and_then_as_before(
    city: ConnectorCity, stack: ExitStack
) -> None:
    process, url = gateway(city, stack)
    async with writer(city.servers, city.prefix) as writing:
        await history(writing)
        for _ in range(2):
            process.start()
            began_s, answers = time.monotonic(), [0]
            while answers[-1] in (0, 503):
                answers.append(await ask(url, "c-0"))
                assert time.monotonic() - began_s < 20, (answers[-1], process.output)
            ready_s = time.monotonic() - began_s
            # Never "not allowed" for a case that is open: before all is known the answer is "not ready".
            assert set(answers) <= {0, 503, 201}
            known = [await ask(url, f"c-{n}") for n in range(30)]
            assert known == [201, 403, 403] * 10
            process.kill()
    print(f"{writing.count} records: ready {ready_s:.2f} s after the start, {answers.count(503)} answers before")


async def test_a_gateway_becomes_ready_and_follows_while_transactions_come_one_after_the_other(
    city: ConnectorCity, stack: ExitStack
) -> None:
    process, url = gateway(city, stack)
    async with writer(city.servers, city.prefix) as writing:
        await writing.commit([assignment("c-0")])
        stop = asyncio.Event()

        async def flow() -> None:
            number = 0
            while not stop.is_set():
                number += 1
                # The broker has the records of a transaction for a while before it is committed.
                async with writing.producer.transaction():
                    for case in range(50):
                        await writing.send(assignment(f"long-{case}", number))
                    await writing.producer.flush()
                    await asyncio.sleep(0.1)

        flowing = asyncio.create_task(flow())
        await asyncio.sleep(0.5)
        process.start()
        began_s = time.monotonic()
        await until(lambda: _is(ask(url, "c-0"), 201), 20, lambda: process.output)
        ready_s = time.monotonic() - began_s
        stop.set()
        await flowing
        released = assignment("c-0", 2, status="released", recipients=(), cameras=())
        await writing.commit([released])
        wrote_s = time.monotonic()
        await until(lambda: _is(ask(url, "c-0"), 403), 5)
        print(f"ready after {ready_s:.2f} s, a release counts after {time.monotonic() - wrote_s:.3f} s")
        assert process.stop() < 2


async def _is(answer: Any, status: int) -> bool:
    return bool(await answer == status)


async def test_a_picture_is_complete_while_a_transaction_stays_open(city: ConnectorCity) -> None:
    settings = ConnectorSettings(bootstrap_servers=(city.servers,), topic_prefix=city.prefix)
    async with writer(city.servers, city.prefix) as writing:
        await writing.commit(assignment(f"c-{n}") for n in range(100))
        await writing.abort(assignment(f"{ABORTED}-{n}") for n in range(100))
        hanging = AIOKafkaProducer(bootstrap_servers=city.servers, transactional_id=f"{city.prefix}-hanging")
        await hanging.start()
        await hanging.begin_transaction()
        await hanging.send_and_wait(writing.topic, encode(assignment("c-open")), key=b"c-open", partition=0)
        found, began_s = list[bytes | None](), time.monotonic()
        try:
            async with asyncio.timeout(10):
                async for batch in KafkaPictures(settings).batches(CAMERA_ASSIGNMENTS, follow=False):
                    found += [delivered.key for delivered in batch]
        finally:
            await hanging.abort_transaction()
            await hanging.stop()
        print(f"{len(found)} records in {time.monotonic() - began_s:.2f} s")
    assert Counter(found) == Counter(case_id.encode() for case_id in writing.newest)


async def test_a_picture_has_its_end_behind_tombstones_and_what_was_aborted(city: ConnectorCity) -> None:
    settings = ConnectorSettings(bootstrap_servers=(city.servers,), topic_prefix=city.prefix)
    picture: dict[bytes | None, int] = {}
    async with writer(city.servers, city.prefix) as writing:
        await history(writing)
        pictures = KafkaPictures(settings)
        async with asyncio.timeout(20), aclosing(pictures.batches(CAMERA_ASSIGNMENTS, follow=True)) as batches:
            async for batch in batches:
                if not batch:
                    break
                for delivered in batch:
                    if delivered.record is None:
                        del picture[delivered.key]
                    else:
                        picture[delivered.key] = delivered.record.version
            assert picture == {
                f"c-{n}".encode(): ROUNDS if n % 3 == 1 else ROUNDS - 1 for n in range(CASES) if n % 3 != 2
            }
            await writing.commit([assignment("c-0", ROUNDS + 2)])
            assert [getattr(d.record, "version", None) for d in await anext(batches)] == [ROUNDS + 2]
