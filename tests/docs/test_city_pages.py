"""The pages of whoever runs a city, brings one or asks why are followed from their first line, with a real worker."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from console.topic_reader import newest_by_key, open_topic
from schemas.camera_assignment import CameraAssignment
from schemas.codec import encode
from schemas.location import Location
from schemas.topics import CAMERA_ASSIGNMENTS
from tests.console.topics import write
from tests.docs.following import Followed, Reader, Words
from tests.docs.pages import ROOT, blocks
from tests.docs.running import await_
from tests.docs.surroundings import surroundings
from tests.support.records import an_incident

pytestmark = pytest.mark.slow
CASE = "police_112:2026-000017"
DECIDED_WITHIN_S = 60.0
MOVES_AFTER_S = 5.0
STAND_INS = {"seoul.osm.pbf": "streets.geojson"}
# Crossing streets around the cameras of the registry's example.
STREETS = [[[126.975, 37.5665], [126.978, 37.5665], [126.981, 37.5665]], [[126.978, 37.564], [126.978, 37.569]]]


def follow(page: str, folder: Path, words: Words) -> Followed:
    """Follow a page; return what came of it."""
    with surroundings(folder, sys.executable, mqtt=False, story=False) as around:
        write_streets(folder)
        return Reader(ROOT / page, around, {**STAND_INS, **words}).follow()


def write_streets(folder: Path) -> None:
    """Write the street map that stands in for an OpenStreetMap extract of Seoul."""
    lines = [{"type": "LineString", "coordinates": line} for line in STREETS]
    features = [{"type": "Feature", "properties": {}, "geometry": line} for line in lines]
    text = json.dumps({"type": "FeatureCollection", "features": features})
    (folder / STAND_INS["seoul.osm.pbf"]).write_text(text, "utf-8")


def assignment(reader: Reader, version: int = 1) -> CameraAssignment:
    """Let a robbery happen beside the cameras, and move; return the version that was decided."""
    prefix = {"demo": "demo", "seoul": "seoul"}[reader.layout.city]
    name = f"{prefix}.{CAMERA_ASSIGNMENTS.name}"
    place = (37.4, 127.42) if reader.layout.city == "demo" else (37.5665, 126.978)
    until_s, told, told_s = time.monotonic() + DECIDED_WITHIN_S, 0, 0.0
    while time.monotonic() < until_s:
        with open_topic({"bootstrap_servers": [reader.around.broker]}, CAMERA_ASSIGNMENTS, name) as topic:
            found: CameraAssignment | None = newest_by_key(topic.to_end()).get(CASE)
        if found is not None and found.version >= version:
            return found
        # A move after which nothing was decided anew is followed by another.
        if told == (0 if found is None else found.version) or time.monotonic() - told_s > MOVES_AFTER_S:
            now_us = time.time_ns() // 1000
            where = Location(lat_deg=place[0] + told * 0.0005, lon_deg=place[1], accuracy_m=10.0, quality="gps")
            incident = an_incident(CASE, now_us, location=where, status="updated" if told else "reported")
            write(reader.around.broker, f"{prefix}.incidents", [(CASE.encode(), encode(incident))])
            told, told_s = told + 1, time.monotonic()
        time.sleep(0.2)
    raise AssertionError(f"{CASE} was not decided {version} times")


def camera(reader: Reader) -> str:
    """Return a camera of the city's registry."""
    found = assignment(reader)
    return found.cameras[0].camera_id if found.cameras else "cam-1"


def known_end(reader: Reader) -> str:
    """Return partition, sequence and hash of the newest audit, as the check before has printed them."""
    printed = json.loads(reader.result.answers["goldentime --city seoul audit verify --json"])
    end = next(part for part in printed["partitions"] if part["records"])
    return f"{end['partition']}:{end['last']}:{end['last_hash']}"


def test_the_operators_page_can_be_followed(tmp_path: Path) -> None:
    shutil.copy(ROOT / "cities" / "seoul" / "policy.toml", tmp_path / "tried.toml")

    followed = follow(
        "docs/operators.md",
        tmp_path,
        {"CASE": lambda reader: assignment(reader).case_id, "ID": camera, "0:1200:HASH": known_end},
    )

    assert "byte for byte" in followed.answers["goldentime --city seoul replay"]


def test_the_readme_leads_to_a_worker_on_kafka(tmp_path: Path) -> None:
    with surroundings(tmp_path, sys.executable, mqtt=False, story=False) as around:
        write_streets(tmp_path)
        reader = Reader(ROOT / "README.md", around, STAND_INS)
        reader.layout.blocks = [block for block in reader.layout.blocks if "export " in block.text]
        followed = reader.follow()

    assert len(followed.ran) == 5


@pytest.mark.timeout(300)
def test_what_the_readme_shows_of_the_demo_is_what_it_does(tmp_path: Path) -> None:
    shutil.copy(ROOT / "cities" / "demo" / "policy.toml", tmp_path / "tried.toml")
    log = tmp_path / "demo.log"
    with surroundings(tmp_path, sys.executable, mqtt=False, story=False) as around, log.open("wb") as out:
        command = [sys.executable, "-m", "console.cli", "demo", "--stay"]
        demo = subprocess.Popen(command, env=around.environment, stdout=out, stderr=subprocess.STDOUT)
        try:
            reader = Reader(ROOT / "README.md", around, {"CASE": in_view, "ID": lambda reader: seen[0]})
            await_(lambda: "A new story begins now" in log.read_text(), 120, lambda: log.read_text()[-3000:])
            settings = re.search(r"export (.*)", log.read_text())
            assert settings is not None
            around.environment |= dict(pair.split("=", 1) for pair in settings[1].split())
            reader.layout.blocks = [block for block in reader.layout.blocks if "goldentime sighting" in block.text]
            followed = reader.follow()
        finally:
            demo.send_signal(signal.SIGINT)
            assert demo.wait(20) == 130, log.read_text()[-3000:]

    assert len([command for command in followed.ran if "--once" not in command]) == 7
    printed = log.read_text()
    shown = blocks(ROOT / "README.md", "text")[1]
    assert labels(shown) <= labels(printed), labels(shown) - labels(printed)
    assert re.findall(r"topics +(\d+) created", shown) == re.findall(r"topics +(\d+) created", printed)


seen: list[str] = []


def in_view(reader: Reader) -> str:
    """Return an open case of the demonstration that looks for somebody through a camera."""
    found: list[str] = []

    def is_there() -> bool:
        reader.type_in("goldentime watch --once --json")
        for row in json.loads(reader.result.answers["goldentime watch --once --json"]):
            if row["cameras"] and not found:
                found.append(row["case_id"])
                seen[:] = [row["cameras"][0]["camera_id"]]
        return bool(found)

    await_(is_there, DECIDED_WITHIN_S, lambda: "no case has a camera")
    return found[0]


def labels(printed: str) -> set[str]:
    """Return the words with which the lines of a demonstration begin."""
    return set(re.findall(r"^  ([a-z]+(?: [a-z]+)?) {2,}", printed, re.MULTILINE))


def test_the_access_lists_of_the_consumers_page_are_written(tmp_path: Path) -> None:
    follow("docs/consumers.md", tmp_path, {})

    assert "kafka-acls" in (tmp_path / "acl.sh").read_text()


def test_the_page_for_a_new_city_leads_to_its_worker(tmp_path: Path) -> None:
    followed = follow("docs/new-city.md", tmp_path, {})

    assert followed.served == ["bayport-cameras", "bayport-cad"]


def test_decisions_are_explained_and_repeated_as_the_page_of_the_selection_says(tmp_path: Path) -> None:
    with surroundings(tmp_path, sys.executable, mqtt=False, story=False) as around:
        reader = Reader(ROOT / "docs" / "selection.md", around)
        reader.type_in("goldentime --city demo worker")
        assignment(reader, version=3)
        followed = reader.follow()

    explained = next(text for command, text in followed.answers.items() if " explain " in command)
    assert re.search(rf"case {CASE}.*version 3", explained, re.DOTALL)


def test_the_page_of_connectors_makes_one_and_runs_it(tmp_path: Path) -> None:
    with surroundings(tmp_path, sys.executable, mqtt=False) as around:
        # A copy of the checkout, because a connector is made in it.
        (tmp_path / "connectors").unlink()
        shutil.copytree(ROOT / "connectors", tmp_path / "connectors", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("console", "schemas", "pipeline", "topologies"):
            (tmp_path / name).symlink_to(ROOT / name)
        around.environment["PYTHONPATH"] = str(tmp_path)
        followed = Reader(ROOT / "docs" / "connectors.md", around).follow()

    assert "demo-112" in followed.served
