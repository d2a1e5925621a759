"""Heads through the whole wiring: requests in, orders and answers out, across partitions and restarts."""

import dataclasses
import time
from collections.abc import Sequence
from typing import Any

import pytest

from schemas.camera_knowledge import CameraKnowledge
from schemas.codec import decode, encode
from schemas.dead_letter import DeadLetter
from schemas.ptz import PtzCommand, PtzGrant, PtzHead, PtzRequest
from schemas.topics import (
    ACCESS_AUDITS,
    CAMERA_KNOWLEDGE,
    CAMERA_OBSERVATIONS,
    CASE_BELIEFS,
    PTZ_COMMANDS,
    PTZ_GRANTS,
    PTZ_HEADS,
    PTZ_REQUESTS,
    SUBJECT_TRACKS,
)
from tests.pipeline.head_records import a_request
from tests.pipeline.heads.test_camera_desk import a_look
from tests.support.records import S
from tests.topologies.counting_engine import CountingEngine
from tests.topologies.desk_engine import DeskEngine
from tests.topologies.running import read, running_worker, until, write
from topologies.partitioning import partition_of
from topologies.settings import Settings
from topologies.topics import ensure_topics

PARTITIONS = 2
CAMERAS = tuple(f"ptz-{n}" for n in range(6))


def ask_now(case_id: str, camera_id: str, **changes: Any) -> PtzRequest:
    now_us = time.time_ns() // 1000
    return a_request(case_id, camera_id=camera_id, requested_us=now_us, deadline_us=now_us + 300 * S, **changes)


async def send(servers: str, prefix: str, requests: Sequence[PtzRequest]) -> None:
    """Write requests as the case engine does: each in the partition of its camera."""
    for request in requests:
        key = request.camera_id.encode()
        topic = f"{prefix}.{PTZ_REQUESTS.name}"
        await write(servers, topic, [(key, encode(request))], partition_of(key, PARTITIONS))


async def story_of_two_cases(settings: Settings, prefix: str) -> tuple[list[Any], list[Any], list[Any]]:
    """Let one case get all heads, restart, and let a second one take them; return commands, grants and heads."""
    servers = settings.bootstrap_servers[0]
    ensure_topics(settings, prefix)
    commands, grants, heads = (f"{prefix}.{topic.name}" for topic in (PTZ_COMMANDS, PTZ_GRANTS, PTZ_HEADS))
    async with running_worker(settings, prefix, DeskEngine()):
        await send(servers, prefix, [ask_now("case-a", camera, value=0.2) for camera in CAMERAS])
        await read(servers, commands, PARTITIONS, lambda r: len(r) >= len(CAMERAS))
    async with running_worker(settings, prefix, DeskEngine()):
        await send(servers, prefix, [ask_now("case-b", camera, value=0.9) for camera in CAMERAS])
        await send(servers, prefix, [ask_now("case-c", CAMERAS[0], value=0.1)])
        told = await read(servers, grants, PARTITIONS, lambda r: len(r) >= 3 * len(CAMERAS) + 1)
        ordered = await read(servers, commands, PARTITIONS, lambda r: len(r) >= 2 * len(CAMERAS))
        remembered = await read(servers, heads, PARTITIONS, lambda r: len(r) >= 2 * len(CAMERAS))
    return ordered, told, remembered


def check(ordered: list[Any], told: list[Any], remembered: list[Any]) -> None:
    commands = [decode(PtzCommand, record.value) for record in ordered]
    assert sorted((c.camera_id, c.fence, c.case_id) for c in commands) == sorted(
        (camera, fence, case) for camera in CAMERAS for fence, case in ((1, "case-a"), (2, "case-b"))
    ), "fences go on after the restart"
    assert {record.partition for record in ordered} == {0, 1}
    assert all(record.partition == partition_of(record.key, PARTITIONS) for record in (*ordered, *remembered))
    assert dict(ordered[0].headers)["ce_type"] == b"goldentime.PtzCommand"
    grants = [decode(PtzGrant, record.value) for record in told]
    assert all(record.partition == partition_of(record.key, PARTITIONS) for record in told)
    by_case = {case: {g.result for g in grants if g.case_id == case} for case in ("case-a", "case-b", "case-c")}
    assert by_case == {"case-a": {"granted", "pre-empted"}, "case-b": {"granted"}, "case-c": {"denied"}}
    heads = {decode(PtzHead, record.value).camera_id: decode(PtzHead, record.value) for record in remembered}
    assert {(head.case_id, head.fence) for head in heads.values()} == {("case-b", 2)}


@pytest.mark.slow
async def test_a_second_case_takes_heads_after_a_restart_and_fences_go_on(settings: Settings, prefix: str) -> None:
    check(*await story_of_two_cases(settings, prefix))


@pytest.mark.slow
@pytest.mark.kafka
async def test_a_second_case_takes_heads_after_a_restart_on_real_kafka(
    settings: Settings, kafka_broker: str, prefix: str
) -> None:
    check(*await story_of_two_cases(dataclasses.replace(settings, bootstrap_servers=(kafka_broker,)), prefix))


@pytest.mark.slow
async def test_looks_become_knowledge_that_every_worker_reads_and_a_restart_keeps(
    settings: Settings, prefix: str
) -> None:
    servers = settings.bootstrap_servers[0]
    ensure_topics(settings, prefix)
    topic = f"{prefix}.{CAMERA_KNOWLEDGE.name}"

    async def look() -> None:
        for camera in CAMERAS:
            # A look of now: older knowledge would age with the first tick and be written once more.
            look_now = a_look(camera, observed_us=time.time_ns() // 1_000)
            key, value = camera.encode(), encode(look_now)
            await write(servers, f"{prefix}.{CAMERA_OBSERVATIONS.name}", [(key, value)], partition_of(key, PARTITIONS))

    async with running_worker(settings, prefix, DeskEngine()) as worker:
        await look()
        await read(servers, topic, 1, lambda r: len(r) >= len(CAMERAS))
        assert worker.topology is not None
        cameras = worker.topology.cameras
        await until(lambda: len(cameras.known) == len(CAMERAS))
    async with running_worker(settings, prefix, DeskEngine()):
        await look()
        records = await read(servers, topic, 1, lambda r: len(r) >= 2 * len(CAMERAS))
    known = {record.key.decode(): decode(CameraKnowledge, record.value) for record in records}
    assert {camera: what.looks for camera, what in known.items()} == dict.fromkeys(CAMERAS, 2)


@pytest.mark.slow
async def test_a_bad_request_is_dead_lettered_and_its_neighbour_is_answered(settings: Settings, prefix: str) -> None:
    servers = settings.bootstrap_servers[0]
    ensure_topics(settings, prefix)
    camera = CAMERAS[0].encode()
    partition = partition_of(camera, PARTITIONS)
    async with running_worker(settings, prefix, DeskEngine()):
        rows = [(camera, b"\x00 no Avro"), (camera, encode(ask_now("case-a", CAMERAS[0])))]
        await write(servers, f"{prefix}.{PTZ_REQUESTS.name}", rows, partition)
        letters = await read(servers, f"{prefix}.{PTZ_REQUESTS.name}-dlq", PARTITIONS, lambda r: len(r) >= 1)
        await read(servers, f"{prefix}.{PTZ_COMMANDS.name}", PARTITIONS, lambda r: len(r) >= 1)
    assert decode(DeadLetter, letters[0].value).reason == "unknown-schema"


async def test_a_partition_is_restored_from_all_its_topics_and_the_end_of_its_audits(
    settings: Settings, prefix: str
) -> None:
    servers = settings.bootstrap_servers[0]
    ensure_topics(settings, prefix)
    for partition in range(PARTITIONS):
        rows = [(b"case", b"old %d" % partition), (b"gone", b"row"), (b"case", b"new %d" % partition), (b"gone", None)]
        for topic in (SUBJECT_TRACKS, CASE_BELIEFS, PTZ_HEADS):
            await write(servers, f"{prefix}.{topic.name}", rows, partition)
        await write(servers, f"{prefix}.{ACCESS_AUDITS.name}", rows[:3], partition)
    keys = [camera.encode() for camera in CAMERAS]
    await write(servers, f"{prefix}.{CAMERA_KNOWLEDGE.name}", [(key, b"known") for key in keys])
    engine = CountingEngine()
    async with running_worker(settings, prefix, engine):
        assert sorted(engine.restored) == [0, 1]
    for partition, restored in engine.restored.items():
        for topic in (SUBJECT_TRACKS, CASE_BELIEFS, PTZ_HEADS, ACCESS_AUDITS):
            assert restored[topic.name] == {b"case": b"new %d" % partition}
        own = {key: b"known" for key in keys if partition_of(key, PARTITIONS) == partition}
        assert restored[CAMERA_KNOWLEDGE.name] == own
