"""``goldentime demo`` runs, and the programs of docs/consumers.md read along by the addresses that it prints.

In its second story the worker is held, so that the picture stands still: then every program prints its own.
"""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from console.demo.run import STORY_DAY
from schemas.camera_assignment import CameraAssignment
from schemas.codec import decode
from tests.console.processes import on_linux
from tests.consumers.city_run import Picture, open_cameras, picture_of, pictured
from tests.consumers.commands import build_java, java_command, python_command, why_no_java
from tests.consumers.demo_process import WAIT_S, DemoProcess, running_demo
from tests.support.kafka_server import free_port
from tests.topologies.running import read

PARTITIONS = 4
QUIET_S = 3
STORY_START_US = int(STORY_DAY.timestamp()) * 1_000_000
DAY_US = 24 * 3600 * 1_000_000
PROGRAMS = ("python",) if why_no_java() else ("python", "java")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(not on_linux, reason="looks for the demonstration's worker in /proc"),
]

Rows = list[tuple[str, CameraAssignment | None]]


@dataclass(frozen=True)
class Along:
    """What was seen of a demonstration whose worker was held.

    Attributes:
        text: what it had printed by then.
        rows: the topic of assignments, tombstones too, as the project's own codec reads it.
        watched: newest assignment of each case as ``goldentime watch`` tells it.
        seen: by program the picture that it printed and the lines before it.
        ended: exit code of the demonstration, which was let go on and then interrupted.
    """

    text: str
    rows: Rows
    watched: dict[str, dict[str, Any]]
    seen: dict[str, tuple[Picture, str]]
    ended: int


async def rows_of(broker: str, topic: str, *, enough: Callable[[Rows], bool] | None = None) -> Rows:
    """Return the rows of a topic: until ``enough`` says so, else until nothing comes for a second."""
    seen: list[int] = []

    def decoded(records: list[Any]) -> Rows:
        return [(r.key.decode(), None if r.value is None else decode(CameraAssignment, r.value)) for r in records]

    def has_ended(records: list[Any]) -> bool:
        seen.append(len(records))
        if enough is not None:
            return enough(decoded(records))
        return len(seen) > 10 and seen[-10] == len(records)

    return decoded(await read(broker, topic, PARTITIONS, has_ended, WAIT_S))


def worth_a_look(rows: Rows) -> bool:
    """Return whether a case of the first story is forgotten while several of the second are looked for."""
    newest = dict(rows)
    active = [a for a in newest.values() if a is not None and a.status == "active"]
    drills = [a for a in newest.values() if a is not None and a.exercise]
    return None in newest.values() and len(active) >= 3 and len(drills) >= 2


async def held(demo: DemoProcess) -> Along:
    """Read along through the second story, hold the worker, and return what everybody saw."""
    await demo.printed("A new story begins now")
    broker, registry, topic = demo.addresses()
    early_us, late_us = STORY_START_US, STORY_START_US + DAY_US
    programs = {
        "python": python_command(broker, registry, topic, early_us, quiet_s=QUIET_S),
        "python, later": python_command(broker, registry, topic, late_us, quiet_s=QUIET_S),
        "python, police": python_command(broker, registry, f"{topic}-police", early_us, quiet_s=QUIET_S),
    }
    if "java" in PROGRAMS:
        programs["java"] = java_command(broker, registry, topic, early_us, quiet_s=QUIET_S)
    reading = {name: asyncio.create_task(picture_of(command)) for name, command in programs.items()}
    worker = demo.worker_pid()
    try:
        await rows_of(broker, topic, enough=worth_a_look)
        os.kill(worker, signal.SIGSTOP)
        seen = {name: await task for name, task in reading.items()}
        watched = await asyncio.to_thread(watch, demo.settings())
        rows = await rows_of(broker, topic)
    finally:
        os.kill(worker, signal.SIGCONT)
        for task in reading.values():
            task.cancel()
    text = demo.text()
    demo.process.send_signal(signal.SIGINT)
    return Along(text, rows, watched, seen, await demo.ended())


def watch(settings: dict[str, str]) -> dict[str, dict[str, Any]]:
    command = [sys.executable, "-m", "console.cli", "watch", "--once", "--json", "--all"]
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, timeout=30, check=True)
    return {assignment["case_id"]: assignment for assignment in json.loads(done.stdout)}


async def look(folder: Path) -> Along:
    ports = ["--broker-port", str(free_port()), "--web-port", str(free_port())]
    async with running_demo(folder, "--stay", "--speed", "120", *ports) as demo:
        return await held(demo)


@pytest.fixture(scope="module")
def along(tmp_path_factory: pytest.TempPathFactory) -> Along:
    if "java" in PROGRAMS:
        build_java()
    return asyncio.run(look(tmp_path_factory.mktemp("demo")))


def by_case(lines: Iterable[str]) -> dict[str, list[str]]:
    """Return a consumer's lines by case, cameras by the alphabet: one program has them in the assignment's order."""
    heard: dict[str, list[str]] = {}
    for line in lines:
        case, status, *cameras = line.split()
        heard.setdefault(case, []).append(" ".join((case, status, *sorted(cameras))))
    return heard


def test_every_program_has_the_picture_that_watch_shows(along: Along) -> None:
    expected = pictured(along.watched, STORY_START_US)
    for name in PROGRAMS:
        assert along.seen[name][0] == expected, name


def test_the_picture_has_open_cameras_ended_cases_and_drills_and_not_what_was_forgotten(along: Along) -> None:
    picture, changes = along.seen["python"]
    statuses = Counter(case["status"] for case in picture.values())
    assert statuses["active"] >= 3
    assert statuses["released"] >= 3
    assert {case["exercise"] for case in picture.values()} == {True, False}
    assert all(case["cameras"] for case in picture.values() if case["status"] == "active")
    forgotten = {case for case, assignment in along.rows if assignment is None}
    assert forgotten
    assert not forgotten & set(picture)
    assert all(f"{case} denied" in changes or f"{case} released" in changes for case in forgotten)


def test_who_hears_nothing_more_from_a_dead_worker_stops_looking(along: Along) -> None:
    picture, later = along.seen["python"][0], along.seen["python, later"][0]
    assert later == {case: seen | {"cameras": {}} for case, seen in picture.items()}


def test_every_program_heard_every_version_and_which_views_ended(along: Along) -> None:
    assignments = [assignment for _, assignment in along.rows if assignment is not None]
    assert any(camera.role == "ending" for assignment in assignments for camera in assignment.cameras)
    expected = by_case(
        " ".join((a.case_id, str(a.status), *open_cameras(views_of(a), a.valid_until_us, a.decided_us)))
        for a in assignments
    )
    for name in PROGRAMS:
        assert by_case(along.seen[name][1].splitlines()) == expected, name


def views_of(assignment: CameraAssignment) -> list[tuple[str, int | None]]:
    return [(camera.camera_id, camera.until_us) for camera in assignment.cameras]


def test_the_first_story_is_as_the_demonstration_sums_it_up(along: Along) -> None:
    summary = re.search(r"cases +(\d+), of which (\d+) had a view; now (\d+) denied, (\d+) released", along.text)
    assert summary is not None, along.text
    cases, viewed, denied, released = (int(number) for number in summary.groups())
    heard = by_case(along.seen["python"][1].splitlines())
    opened_us = {case: a.opened_us for case, a in reversed(along.rows) if a is not None}
    first = [heard[case] for case in sorted(heard, key=opened_us.__getitem__)[:cases]]
    assert Counter(lines[-1].split()[1] for lines in first) == {"denied": denied, "released": released}
    assert sum(any(len(line.split()) > 2 for line in lines) for lines in first) == viewed


def test_an_agency_reads_along_what_is_addressed_to_it(along: Along) -> None:
    police = along.seen["python, police"][0]
    whole = along.seen["python"][0]
    addressed = {
        case
        for case, assignment in along.watched.items()
        if not assignment["exercise"] and any(r.startswith("demo-112:") for r in assignment["recipients"])
    }
    assert set(police) == addressed
    assert set(police) < set(whole)
    assert {case: police[case] for case in addressed} == {case: whole[case] for case in addressed}


def test_the_demonstration_went_on_and_ended_as_told(along: Along) -> None:
    assert along.ended == 130


async def test_a_port_that_is_taken_is_told_before_anything_is_played(tmp_path: Path) -> None:
    port = free_port()
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", port)
    async with server:
        for option in ("--broker-port", "--web-port"):
            (tmp_path / option).mkdir()
            async with running_demo(tmp_path / option, option, str(port)) as demo:
                assert await demo.ended() not in (0, 130)
                assert f"port {port} is taken" in demo.text()
