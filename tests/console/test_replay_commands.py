"""``goldentime replay`` and ``goldentime what-if``, on saved logs and behind a real worker."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from console.embedded_broker import EmbeddedBroker
from console.replaying.log_file import load_records, save_records
from schemas.camera_assignment import CameraAssignment
from schemas.codec import decode, encode
from schemas.topics import CAMERA_ASSIGNMENTS
from tests.console.commands import call
from tests.console.logs import LoggedRun
from tests.pipeline.engine_runs import CITIES, DEMO, a_grid
from tests.support.records import T0_US, S, a_camera, a_fix, an_alert, an_incident, at
from tests.topologies.running import read, running_worker, write
from topologies.city_engine import engine_for
from topologies.city_files import load_city
from topologies.settings import Settings

DEMO_POLICY = (CITIES / "demo" / "policy.toml").read_text("utf-8")


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a saved log of a five minutes' walk."""
    run = LoggedRun(DEMO, engine=engine_for(load_city(CITIES, "demo")))
    run.change(*a_grid(kind="ptz"), now_s=-100)
    run.tell(an_alert(location=at()), now_s=0.5)
    for step in range(1, 30):
        run.tick_each_second(step * 10 - 9, step * 10)
        run.tell(a_fix(fix_us=T0_US + step * 10 * S, location=at(9.0 * step, 4.0 * step)), now_s=step * 10 + 0.25)
    path = tmp_path_factory.mktemp("log") / "story.gz"
    save_records(path, run.records)
    return path


@pytest.fixture
def fewer_cameras(tmp_path: Path) -> Path:
    path = tmp_path / "fewer.toml"
    text = DEMO_POLICY.replace("cameras_by_rank = [8, 6, 4, 4, 0]", "cameras_by_rank = [2, 2, 2, 2, 0]")
    path.write_text(text.replace('version = "demo-1"', 'version = "tried-2"'), "utf-8")
    return path


def test_replay_says_that_all_decisions_are_the_same(story: Path) -> None:
    result = call("replay", "--from-log", str(story))
    assert result.exit_code == 0, result.output
    assert "30 input records of 1 partition decided again" in result.output
    assert "byte for byte, 0 are not" in result.output
    found = json.loads(call("replay", "--from-log", str(story), "--json").output)
    assert (found["differing"], found["differences"]) == (0, [])
    assert found["equal"] > 5


def test_replay_tells_the_first_difference_and_ends_with_1(story: Path, tmp_path: Path) -> None:
    def forged(payload: bytes) -> bytes:
        assignment = decode(CameraAssignment, payload)
        return encode(replace(assignment, rank=assignment.rank + 1) if assignment.version == 2 else assignment)

    path = tmp_path / "forged.gz"
    save_records(
        path,
        (
            replace(one, value=forged(one.value)) if one.topic == CAMERA_ASSIGNMENTS.name and one.value else one
            for one in load_records(story, 1_000_000)
        ),
    )
    result = call("replay", "--from-log", str(path))
    assert result.exit_code == 1
    assert "first difference: s:elder version 2, decided 2026-09-21" in result.output
    assert "rank: published" in result.output


def test_replay_says_when_the_workers_ticks_were_others(story: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLDENTIME_TICK_S", "7")
    told = call("replay", "--from-log", str(story)).output
    assert "name ticks that GOLDENTIME_TICK_S does not give" in told
    monkeypatch.delenv("GOLDENTIME_TICK_S")
    assert json.loads(call("replay", "--from-log", str(story), "--json").output)["ticks_beside_grid"] == 0


def test_what_is_not_a_log_is_told_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("no log")
    result = call("replay", "--from-log", str(tmp_path / "x"))
    assert result.exit_code == 2
    assert result.output.startswith("goldentime: x cannot be read")


def test_replay_reads_no_more_than_it_may(story: Path) -> None:
    result = call("replay", "--from-log", str(story), "--most-records", "5")
    assert result.exit_code == 2
    assert "more than 5 records" in result.output


def test_what_if_shows_figures_of_both_policies_and_where_they_part(story: Path, fewer_cameras: Path) -> None:
    result = call("what-if", "--policy", str(fewer_cameras), "--from-log", str(story))
    assert result.exit_code == 0, result.output
    assert "demo-1 (city)" in result.output
    assert "tried-2 (fewer.toml)" in result.output
    assert "cameras used per case" in result.output
    assert "where the decisions part:" in result.output
    assert "only here:" in result.output


def test_what_if_gives_programs_figures_and_differences(story: Path, fewer_cameras: Path) -> None:
    result = call("what-if", "--policy", str(fewer_cameras), "--from-log", str(story), "--json")
    found = json.loads(result.output)
    ours, theirs = found["city"], found["what_if"]
    assert (ours["policy_version"], theirs["policy_version"]) == ("demo-1", "tried-2")
    assert ours["cases"] == theirs["cases"] == 1
    assert ours["first_view_s"] == theirs["first_view_s"] == 0.0
    assert ours["decisions"] > 0
    assert found["parting"] == len(found["differences"]) > 0
    first = found["differences"][0]
    assert len(first["ours"]["cameras"]) > len(first["theirs"]["cameras"])


def test_what_if_with_the_citys_own_policy_finds_nothing_to_tell(story: Path) -> None:
    result = call("what-if", "--policy", str(CITIES / "demo" / "policy.toml"), "--from-log", str(story))
    assert "The same cameras, ranks and statuses under both, at every moment." in result.output


def test_what_if_names_the_file_and_field_of_a_wrong_policy(story: Path, tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(DEMO_POLICY.replace("cap = 16", "cap = 99"), "utf-8")
    result = call("what-if", "--policy", str(path), "--from-log", str(story))
    assert result.exit_code == 2
    assert "wrong.toml in place of policy.toml" in result.output
    assert "cap" in result.output


@pytest.mark.slow
async def test_what_a_worker_decided_is_decided_again_from_its_topics(tmp_path: Path, fewer_cameras: Path) -> None:
    with EmbeddedBroker() as broker:
        servers = broker.bootstrap_servers
        assert (await asyncio.to_thread(call, "topics", "create", broker=broker)).exit_code == 0
        await write(servers, "demo.cameras", [(c.camera_id.encode(), encode(c)) for c in a_grid(5, 5)])
        settings = Settings(bootstrap_servers=(servers,), city="demo", data_dir=tmp_path, session_timeout_s=2)
        engine = engine_for(load_city(CITIES, "demo"))
        async with running_worker(settings, "demo", engine):  # type: ignore[arg-type]
            for number in range(4):
                case = f"inc-{number}"
                await write(servers, "demo.incidents", [(case.encode(), encode(an_incident(case)))], partition=number)
            await write(servers, "demo.cameras", [(b"cam-x", encode(a_camera("cam-x", location=at(5, 5))))])
            last = encode(an_incident("inc-9", location=at(10, 0)))
            await write(servers, "demo.incidents", [(b"inc-9", last)], partition=1)
            await read(servers, "demo.camera-assignments", 4, done=lambda records: len(records) >= 5)
        file = tmp_path / "saved.gz"
        result = await asyncio.to_thread(call, "replay", "--save", str(file), broker=broker)
        assert result.exit_code == 0, result.output
        assert "5 published decisions are the same byte for byte, 0 are not" in result.output
        assert (await asyncio.to_thread(call, "replay", "--from-log", str(file))).exit_code == 0
        tried = await asyncio.to_thread(call, "what-if", "--policy", str(fewer_cameras), "--json", broker=broker)
        assert json.loads(tried.output)["what_if"]["cases"] == 5
