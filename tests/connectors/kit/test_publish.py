import asyncio
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import replace

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.partitioner.default import murmur2

from connectors.kit.errors import BrokerUnavailableError, ConnectorConfigError
from connectors.kit.running.publish import VALUE_BYTES_MAX, Publisher, partition_of
from connectors.kit.settings import ConnectorSettings
from connectors.kit.source import Accepted, Refused
from schemas.camera import Camera
from schemas.clock import ScaledClock
from schemas.codec import decode
from schemas.dead_letter import DeadLetter
from schemas.incident import Incident
from schemas.location import Location
from schemas.topics import CAMERAS, INCIDENTS, TRACKER_FIXES, WANDERING_ALERTS, dead_letters_of
from schemas.tracker_fix import TrackerFix
from schemas.wandering_alert import WanderingAlert
from tests.connectors.conftest import CutOff
from tests.connectors.helpers import NOON_US, OUTAGE, incident, read_topic

# From UtilsTest.testMurmur2 of Apache Kafka's Java client.
JAVA_MURMUR2 = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


def fix(case_id: str) -> TrackerFix:
    where = Location(lat_deg=37.5, lon_deg=127.0, accuracy_m=20.0, quality="gps")
    return TrackerFix(
        event_id=f"fix:{case_id}",
        source="owntracks",
        observed_us=NOON_US,
        ingested_us=NOON_US,
        case_id=case_id,
        subject_ref=case_id,
        fix_us=NOON_US,
        location=where,
    )


def alert(case_id: str) -> WanderingAlert:
    return WanderingAlert(
        event_id=f"alert:{case_id}",
        source="owntracks",
        observed_us=NOON_US,
        ingested_us=NOON_US,
        case_id=case_id,
        subject_ref=case_id,
        kind="sos",
    )


def cameras(count: int) -> list[Camera]:
    where = Location(lat_deg=37.5, lon_deg=127.0, accuracy_m=10.0, quality="gps")
    return [
        Camera(
            event_id=f"cctv:{number}",
            source="cctv_registry",
            observed_us=NOON_US,
            ingested_us=NOON_US,
            camera_id=f"cam-{number:06d}",
            site_id=f"site-{number // 2:06d}",
            owner="gangnam",
            location=where,
            kind="fixed",
            purposes=("crime-prevention",),
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("partitions", [1, 2, 4, 12, 256])
def test_a_key_goes_where_the_java_client_sends_it(partitions: int) -> None:
    for key, hashed in JAVA_MURMUR2.items():
        assert partition_of(key, partitions) == (hashed & 0x7FFFFFFF) % partitions
        assert partition_of(key, partitions) == (murmur2(key) & 0x7FFFFFFF) % partitions


async def test_records_of_a_case_meet_in_one_partition_number_of_all_case_topics(city: ConnectorSettings) -> None:
    case_ids = [f"s:subject{number}" for number in range(40)]
    async with Publisher(city) as publisher:
        for topic, make in (written := ((INCIDENTS, None), (WANDERING_ALERTS, alert), (TRACKER_FIXES, fix))):
            records = [make(c) if make else incident(n, case_id=c) for n, c in enumerate(case_ids)]
            assert await publisher.publish_all(topic, records, source="test") == len(case_ids)
    partitions = [
        {record.key: record.partition for record in read_topic(city, topic, len(case_ids))} for topic, _ in written
    ]
    assert partitions[0] == partitions[1] == partitions[2]
    assert set(partitions[0].values()) == {0, 1, 2, 3}


async def test_another_client_with_its_default_partitioner_agrees(city: ConnectorSettings) -> None:
    keys = [f"case-{number}".encode() for number in range(50)]
    with KafkaProducer(**city.client_options()) as producer:
        futures = {key: producer.send(f"{city.topic_prefix}.incidents", b"", key=key) for key in keys}
        chosen = {key: future.get(timeout=10).partition for key, future in futures.items()}
    assert chosen == {key: partition_of(key, 4) for key in keys}


async def test_a_record_carries_cloud_events_headers_and_the_clocks_time(city: ConnectorSettings) -> None:
    story_us = NOON_US + 3_600_000_000
    clock = ScaledClock(time.time_ns() // 1000, story_us, 60.0)
    async with Publisher(replace(city, clock=clock)) as publisher:
        await publisher.publish_all(INCIDENTS, [incident(1)], source="police_112")
    [record] = read_topic(city, INCIDENTS, 1)
    assert dict(record.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"112:1:1",
        "ce_type": b"goldentime.Incident",
        "ce_source": b"/connectors/police_112",
        "ce_time": b"2026-02-02T02:40:01.000000Z",
    }
    assert story_us // 1000 <= record.timestamp <= story_us // 1000 + 600_000
    assert decode(Incident, record.value) == incident(1)


async def test_a_refused_entry_is_answered_in_the_dead_letter_topic(city: ConnectorSettings) -> None:
    refused = Refused(INCIDENTS, "impossible-coordinates", "위도", "위도: must be -90 to 90, got 375", b"{}", 7, "7")
    async with Publisher(city) as publisher:
        outbox = publisher.outbox()
        assert await publisher.put(outbox, refused, source="police_112") is False
        await outbox.drain()
    assert (outbox.accepted, outbox.refused, outbox.cursor) == (0, 1, "7")
    [record] = read_topic(city, dead_letters_of(INCIDENTS), 1)
    letter = decode(DeadLetter, record.value)
    assert (letter.source, letter.origin_topic, letter.origin_partition, letter.origin_offset) == (
        "police_112", "incidents", -1, 7,
    )  # fmt: skip
    assert (letter.reason, letter.field, letter.payload) == ("impossible-coordinates", "위도", b"{}")


async def test_a_record_that_is_too_large_is_answered_and_its_neighbours_pass(city: ConnectorSettings) -> None:
    async with Publisher(city) as publisher:
        outbox = publisher.outbox()
        for record in (incident(1), incident(2, kind="x" * (VALUE_BYTES_MAX + 1)), incident(3)):
            await publisher.put(outbox, Accepted(INCIDENTS, record), source="police_112")
        await outbox.drain()
    assert (outbox.accepted, outbox.refused) == (2, 1)
    assert {record.key for record in read_topic(city, INCIDENTS, 2)} == {b"112:1", b"112:3"}
    [record] = read_topic(city, dead_letters_of(INCIDENTS), 1)
    assert decode(DeadLetter, record.value).reason == "too-large"


async def test_a_tombstone_needs_a_key_and_goes_to_its_partition(city: ConnectorSettings) -> None:
    async with Publisher(city) as publisher:
        outbox = publisher.outbox()
        await publisher.put(outbox, Accepted(CAMERAS, None, key=b"cam-1"), source="cctv_registry")
        await outbox.drain()
        with pytest.raises(ConnectorConfigError, match="a tombstone needs a key"):
            await publisher.put(outbox, Accepted(CAMERAS, None), source="cctv_registry")
    [record] = read_topic(city, CAMERAS, 1)
    assert (record.key, record.value) == (b"cam-1", None)


async def test_case_topics_with_different_partition_counts_are_refused(broker: str) -> None:
    prefix = f"t{uuid.uuid4().hex[:8]}"
    admin = KafkaAdminClient(bootstrap_servers=broker)
    admin.create_topics(
        {
            f"{prefix}.incidents": {"num_partitions": 4, "replication_factor": 1},
            f"{prefix}.tracker-fixes": {"num_partitions": 3, "replication_factor": 1},
        }
    )
    admin.close()
    async with Publisher(ConnectorSettings(bootstrap_servers=(broker,), topic_prefix=prefix)) as publisher:
        await publisher.publish_all(INCIDENTS, [incident(1)], source="test")
        with pytest.raises(ConnectorConfigError, match=r"has 3 partitions and .*incidents has 4"):
            await publisher.publish_all(TRACKER_FIXES, [fix("s:a")], source="test")


async def test_many_records_go_out_with_progress_that_ends_at_their_number(city: ConnectorSettings) -> None:
    seen: list[int] = []
    async with Publisher(city) as publisher:
        assert (
            await publisher.publish_all(CAMERAS, cameras(5_000), source="cctv_registry", progress=seen.append) == 5_000
        )
    assert seen == sorted(seen)
    assert seen[-1] == 5_000
    assert len({record.key for record in read_topic(city, CAMERAS, 5_000)}) == 5_000


@pytest.mark.slow
async def test_the_cameras_of_a_large_city_go_out_in_seconds(city: ConnectorSettings) -> None:
    records = cameras(84_000)
    async with Publisher(city) as publisher:
        began_s = time.monotonic()
        assert await publisher.publish_all(CAMERAS, records, source="cctv_registry") == 84_000
        took_s = time.monotonic() - began_s
    # 6 to 9 s on one busy core; the limit leaves room for a machine that does other things.
    assert took_s < 20


async def test_idempotence_is_on_where_the_broker_has_it(city: ConnectorSettings) -> None:
    async with Publisher(city) as publisher:
        assert publisher.idempotent


@OUTAGE
async def test_a_broker_without_idempotence_is_used_without_and_logged_once(
    cut_off_broker: Callable[..., CutOff], caplog: pytest.LogCaptureFixture
) -> None:
    city = cut_off_broker(refuse_producer_ids=True).settings
    with caplog.at_level(logging.WARNING, "connectors.kit.running.producer"):
        async with Publisher(city) as publisher:
            assert not publisher.idempotent
            assert await publisher.publish_all(INCIDENTS, [incident(n) for n in range(100)], source="test") == 100
    messages = [record.message for record in caplog.records if record.name == "connectors.kit.running.producer"]
    assert messages == ["the broker has no idempotent producers: a repeated send may write a record twice"]
    assert len(read_topic(city, INCIDENTS, 100)) == 100


async def test_a_closed_port_is_told_within_two_seconds() -> None:
    publisher = Publisher(ConnectorSettings(bootstrap_servers=("127.0.0.1:1",)))
    began_s = time.monotonic()
    with pytest.raises(BrokerUnavailableError, match=r"no broker answers at 127\.0\.0\.1:1"):
        await publisher.start()
    assert time.monotonic() - began_s < 2
    with pytest.raises(BrokerUnavailableError, match="not connected"):
        publisher.outbox()


@OUTAGE
async def test_a_broker_that_is_away_is_felt_as_back_pressure_and_nothing_is_lost(
    cut_off_broker: Callable[..., CutOff],
) -> None:
    cut_off = cut_off_broker()
    async with Publisher(cut_off.settings) as publisher:
        outbox = publisher.outbox(records_max=20)
        await publisher.put(outbox, Accepted(INCIDENTS, incident(0)), source="test")
        await outbox.drain()
        cut_off.proxy.cut()

        async def put_all() -> None:
            for number in range(1, 101):
                await publisher.put(outbox, Accepted(INCIDENTS, incident(number)), source="test")
                assert outbox.waiting <= 20
            await outbox.drain()

        putting = asyncio.ensure_future(put_all())
        done, _ = await asyncio.wait({putting}, timeout=1.0)
        assert not done
        assert outbox.waiting == 20
        cut_off.proxy.join()
        await asyncio.wait_for(putting, 15)
    assert outbox.accepted == 101
    assert {record.key for record in read_topic(cut_off.settings, INCIDENTS, 101)} == {
        f"112:{number}".encode() for number in range(101)
    }
