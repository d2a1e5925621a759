"""A city that runs while a block lasts: a worker, cameras, and a story with every kind of end."""

import asyncio
import json
import re
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from console.commands import goldentime
from schemas.camera_assignment import CameraAssignment
from schemas.codec import decode, encode
from schemas.topics import CAMERA_ASSIGNMENTS, CAMERAS, INCIDENTS, Topic
from tests.support.policies import CITIES
from tests.support.records import a_camera, a_fix, an_alert, an_incident, at, topic_of
from tests.topologies.running import read, running_worker, write
from topologies.city_engine import CityEngine
from topologies.city_files import City, load_city
from topologies.projection_files import load_access
from topologies.settings import Settings
from topologies.topics import ensure_topics

S = 1_000_000
ELDER = "s:lost"
PARTITIONS = 2
WAIT_S = 60.0
# Reads of a tenth of a second without a record before a topic counts as read to its end.
QUIET_READS = 5

Picture = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class CityRun:
    """A running city: where its broker, its registry and its folder are."""

    broker: str
    prefix: str
    registry: str
    cities_dir: Path

    @property
    def topic(self) -> str:
        """Full name of the topic of assignments."""
        return f"{self.prefix}.{CAMERA_ASSIGNMENTS.name}"

    async def rows(self, topic: Topic) -> list[Any]:
        """Return the records of a topic until nothing has come for half a second."""
        seen: list[int] = []

        def has_ended(records: list[Any]) -> bool:
            seen.append(len(records))
            return len(seen) > QUIET_READS and seen[-QUIET_READS] == len(records)

        partitions = topic.partitions(PARTITIONS)
        return await read(self.broker, f"{self.prefix}.{topic.name}", partitions, has_ended, WAIT_S)

    async def tell(self, *records: Any) -> None:
        """Write inputs one after the other."""
        for record in records:
            topic = topic_of(record)
            await write(self.broker, f"{self.prefix}.{topic.name}", [(topic.key_of(record), encode(record))])

    async def watched(self) -> dict[str, dict[str, Any]]:
        """Return the newest assignment of each case as ``goldentime watch`` tells it."""
        words = ["--broker", self.broker, "--city", "demo", "--cities-dir", str(self.cities_dir)]
        result = await asyncio.to_thread(CliRunner().invoke, goldentime, [*words, "watch", "--once", "--json", "--all"])
        assert result.exit_code == 0, result.output
        return {assignment["case_id"]: assignment for assignment in json.loads(result.output)}

    async def log(self, done: Any) -> list[tuple[str, CameraAssignment | None]]:
        """Return all rows of the topic of assignments as soon as ``done`` says that it is enough."""

        def rows(records: list[Any]) -> list[tuple[str, CameraAssignment | None]]:
            return [(r.key.decode(), None if r.value is None else decode(CameraAssignment, r.value)) for r in records]

        return rows(await read(self.broker, self.topic, PARTITIONS, lambda records: done(rows(records)), WAIT_S))


def pictured(assignments: dict[str, dict[str, Any]], now_us: int) -> Picture:
    """Return what a consumer should have of these assignments at a moment, by the rules of docs/consumers.md."""
    picture: Picture = {}
    for case, assignment in assignments.items():
        views = [(camera["camera_id"], camera["until_us"]) for camera in assignment["cameras"]]
        picture[case] = {name: assignment[name] for name in ("opened_us", "version", "status", "exercise")}
        picture[case]["cameras"] = open_cameras(views, assignment["valid_until_us"], now_us)
    return picture


def open_cameras(views: Iterable[tuple[str, int | None]], lease_us: int, now_us: int) -> dict[str, int]:
    """Return until when each camera may be looked through, of (camera, end of its own) and the lease of all."""
    ends_us = {camera: lease_us if end_us is None else min(lease_us, end_us) for camera, end_us in views}
    return {camera: end_us for camera, end_us in ends_us.items() if end_us > now_us}


def middle_of_leases(assignments: dict[str, dict[str, Any]]) -> int:
    """Return a moment at which some leases of active cases have run out and others have not."""
    ends_us = sorted(a["valid_until_us"] for a in assignments.values() if a["cameras"])
    return int(ends_us[0])


def city_folder(folder: Path, prefix: str) -> tuple[Path, City]:
    """Return a folder of cities with a copy of the demo city whose topics begin with ``prefix``, and the city.

    A case that has ended is forgotten after three seconds.
    """
    shutil.copytree(CITIES / "demo", folder / "demo")
    for name, old, new in (
        ("city.toml", 'topic_prefix = "demo"', f'topic_prefix = "{prefix}"'),
        ("policy.toml", "retention_s = 3600 ", "retention_s = 3 "),
    ):
        text = (folder / "demo" / name).read_text("utf-8")
        assert old in text
        (folder / "demo" / name).write_text(text.replace(old, new), "utf-8")
    return folder, load_city(folder, "demo")


@asynccontextmanager
async def running_city(broker: str, prefix: str, folder: Path) -> AsyncIterator[CityRun]:
    """Give a running city in which the story has been told and decided."""
    cities_dir, city = city_folder(folder / "cities", prefix)
    settings = Settings(
        bootstrap_servers=(broker,),
        city="demo",
        cities_dir=cities_dir,
        data_dir=folder,
        case_partitions=PARTITIONS,
        session_timeout_s=2,
        tick_s=0.5,
    )
    access = load_access(city.folder, city.policy)
    await asyncio.to_thread(ensure_topics, settings, prefix, access.topics())
    await write(broker, f"{prefix}.{CAMERAS.name}", [(c.camera_id.encode(), encode(c)) for c in _cameras()])
    async with running_worker(settings, prefix, CityEngine(city.policy), access=access) as worker:
        assert worker.web is not None
        run = CityRun(broker, prefix, worker.web.url, cities_dir)
        await _tell_story(run)
        await run.log(_story_is_decided)
        yield run


def _cameras() -> list[Any]:
    spots = [(40.0 * east, 30.0 * side) for east in range(-2, 6) for side in (-0.2, 0.2)]
    owners = ("새벽구", "한빛구")
    return [
        a_camera(f"cam-{i:02d}", location=at(*spot), owner=owners[i % 2], kind="ptz" if i % 5 == 0 else "all-round")
        for i, spot in enumerate(spots)
    ]


async def _tell_story(run: CityRun) -> None:
    now_us = time.time_ns() // 1000
    await run.tell(
        an_incident("inc-robbery", now_us),
        an_incident("inc-fire", now_us, service="fire", kind="structure-fire", urgency_native=None, location=at(120)),
        an_incident("inc-noise", now_us, kind="noise", urgency_native="C4"),
        an_incident("inc-drill", now_us, exercise=True),
        an_incident("inc-nowhere", now_us, location=None),
        an_incident("inc-over", now_us, location=at(60)),
        an_incident("inc-handed-on", now_us, location=at(90)),
        an_alert(ELDER, now_us, location=at(0, 0)),
    )
    for step in (1, 2, 3):
        fix_us = now_us + step * S
        await run.tell(a_fix(ELDER, fix_us, location=at(45.0 * step)))
    await run.tell(an_incident("inc-over", now_us + S, status="closed", location=at(60)))
    # What the police were called to is the fire brigade's: it is no longer addressed to the police.
    fire = {"service": "fire", "kind": "structure-fire", "urgency_native": None}
    await run.tell(an_incident("inc-handed-on", now_us + S, status="updated", location=at(90), **fire))
    # Neither is a record: both are answered in dead-letter topics.
    await write(run.broker, f"{run.prefix}.{INCIDENTS.name}", [(b"inc-bad", b"nothing")])
    await write(run.broker, f"{run.prefix}.{CAMERAS.name}", [(b"cam-bad", b"nothing")])


def _story_is_decided(rows: list[tuple[str, CameraAssignment | None]]) -> bool:
    """Return whether each kind of end is in the log: forgotten, denied, no place, handed over."""
    statuses = {(case, None if row is None else row.status) for case, row in rows}
    handed_over = any(row is not None and any(c.role == "ending" for c in row.cameras) for _, row in rows)
    handed_on = any(row is not None and case == "inc-handed-on" and "fire" in row.services for case, row in rows)
    wanted = {
        ("inc-robbery", "active"),
        ("inc-fire", "active"),
        ("inc-noise", "denied"),
        ("inc-drill", "active"),
        ("inc-nowhere", "needs-location"),
        ("inc-over", "released"),
        ("inc-over", None),
    }
    return handed_over and handed_on and wanted <= statuses


async def picture_of(command: list[str]) -> tuple[Picture, str]:
    """Return the picture that a consumer's program prints at its end, and the lines before it."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()
    # Maven puts marks of colour around what the program prints.
    changes, _, last = re.sub(r"\x1b\[[0-9;]*m", "", out.decode()).rpartition("\n{")
    return json.loads("{" + last.splitlines()[0]), changes


async def assert_same_picture(run: CityRun, command_at: Callable[[int], list[str]]) -> str:
    """Compare a consumer's picture with what ``watch`` tells; return the lines it printed on the way.

    The picture is of a moment at which some leases have run out. Cases go on meanwhile: compared is when ``watch`` has
    told the same before and after.
    """
    for _ in range(5):
        before = await run.watched()
        now_us = middle_of_leases(before)
        picture, changes = await picture_of(command_at(now_us))
        if await run.watched() == before:
            assert picture == pictured(before, now_us)
            assert any(a["cameras"] and not picture[case]["cameras"] for case, a in before.items())
            assert {ELDER, "inc-robbery", "inc-fire"} <= set(picture)
            assert any(case["cameras"] for case in picture.values())
            return changes
    raise AssertionError("the picture never stood still")
