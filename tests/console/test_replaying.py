"""A log decided again gives the same bytes; what is missing or different is told."""

import gzip
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from console.errors import LogFileError, LogTooLargeError
from console.replaying.assumed_ticks import Ticks
from console.replaying.check import Check, check
from console.replaying.log import LogRecord, city_log
from console.replaying.log_file import load_records, save_records
from console.replaying.partition_run import RunLimits
from console.replaying.provenance import table_version
from console.replaying.run import run_log
from console.replaying.timeline import timeline
from pipeline.rules.policy import Policy
from schemas.codec import encode
from schemas.topics import CAMERA_ASSIGNMENTS
from tests.console.logs import LoggedRun, without
from tests.pipeline.engine_runs import DEMO, a_grid, policy_with
from tests.support.conditions import a_crowd, point
from tests.support.records import T0_US, S, a_camera, a_fix, a_health, an_alert, an_incident, at
from topologies.city_engine import CityEngine

FAR_S = 1e12
LIMITS = RunLimits(S, FAR_S)


def checked(records: Sequence[LogRecord], policy: Policy = DEMO, limits: RunLimits = LIMITS) -> Check:
    log = city_log(records)
    return check(log, run_log(CityEngine(policy), log, limits))


def a_story() -> LoggedRun:
    """Give a partition's half hour: a walk, a robbery, a camera that fails, one that is built, and leases that end."""
    run = LoggedRun(DEMO)
    run.change(*a_grid(), now_s=-100)
    run.tell(an_alert(location=at()), now_s=0.5)
    for step in range(1, 20):
        run.tick_each_second(step * 10 - 9, step * 10)
        run.tell(a_fix(fix_us=T0_US + step * 10 * S, location=at(9.0 * step, 4.0 * step)), now_s=step * 10 + 0.25)
    run.tell(an_incident(location=at(-40, 20, accuracy_m=30)), now_s=190.5)
    run.change(a_health("cam-4-4"), now_s=190.75)
    run.tick_each_second(191, 220)
    run.change(a_camera("cam-new", location=at(60, 40)), a_health("cam-3-5"), now_s=220.5)
    run.tick_each_second(221, 1_900)
    run.tell(an_incident(status="closed", event_id="closing"), now_s=1_900.5)
    run.tick_each_second(1_901, 1_910)
    return run


@pytest.fixture(scope="module")
def story() -> list[LogRecord]:
    return a_story().records


def decisions(records: Sequence[LogRecord]) -> list[LogRecord]:
    return [record for record in records if record.topic == CAMERA_ASSIGNMENTS.name]


def test_the_same_log_gives_the_same_decisions_byte_for_byte(story: list[LogRecord]) -> None:
    result = checked(story)
    assert result.differences == []
    assert (result.equal, result.gone, result.newer) == (len(decisions(story)), 0, 0)
    assert result.equal > 10


def test_what_crowds_woke_is_woken_again() -> None:
    run = LoggedRun(DEMO)
    run.change(*a_grid(), now_s=-100)
    run.tell(an_incident(location=at(accuracy_m=40)), now_s=0.5)
    run.tick_each_second(1, 5)
    west = tuple(point(*corner) for corner in ((-75, -130), (8, -130), (8, 130), (-75, 130)))
    run.change(a_crowd("crowded", polygon=west, valid_until_us=T0_US + 30 * S), now_s=5.5)
    run.tick_each_second(6, 40)
    result = checked(run.records)
    assert (result.differences, result.equal) == ([], 3)


def test_decisions_that_the_topic_no_longer_holds_are_counted_and_the_rest_is_compared(story: list[LogRecord]) -> None:
    newest = {record.key: record for record in decisions(story)}
    old = [record for record in decisions(story) if newest[record.key] is not record]
    result = checked(without(story, *old))
    # Without the decisions the ticks between them are assumed: on whole seconds, where this run has them too.
    assert (result.equal, result.differing, result.gone) == (len(newest), 0, len(old))


def test_a_changed_decision_is_told_with_the_field_that_differs(story: list[LogRecord]) -> None:
    first = city_log(story).partitions[0].published[0]
    camera = first.record.cameras[0]
    forged = replace(first.record, cameras=(replace(camera, p_view=0.123), *first.record.cameras[1:]))
    result = checked([replace(r, value=encode(forged)) if r.value == first.payload else r for r in story])
    (difference,) = result.differences
    assert difference.what == "other"
    assert difference.fields == (("cameras[0].p_view", 0.123, camera.p_view),)


def test_a_decision_that_nobody_published_is_told(story: list[LogRecord]) -> None:
    of_robbery = [record for record in decisions(story) if record.key == b"inc-1"]
    lost = next(one for one in of_robbery if b"released" in (one.value or b""))
    later = [one for one in of_robbery if one.offset > lost.offset]
    assert later == []
    result = checked(without(story, lost))
    assert [d.case_id for d in result.differences if d.what == "not-published"] + ["inc-1"] * result.newer == ["inc-1"]


def test_another_policy_makes_a_difference(story: list[LogRecord]) -> None:
    other = policy_with(selection={"cameras_by_rank": (4, 4, 4, 4, 0)})
    result = checked(story, other)
    assert result.differing > 0
    assert result.differences[0].what == "other"


def test_decisions_are_newer_than_the_topic_when_the_worker_had_not_come_so_far(story: list[LogRecord]) -> None:
    cut_us = T0_US + 60 * S
    result = checked([r for r in story if r.topic != CAMERA_ASSIGNMENTS.name or r.appended_us < cut_us])
    assert result.newer > 0
    assert result.differing == 0


def test_cases_from_before_the_log_are_left_out_of_the_comparison() -> None:
    run = LoggedRun(DEMO)
    run.change(*a_grid(5, 5), now_s=-100)
    run.tell(an_incident("inc-old"), now_s=0.5)
    run.tick_each_second(1, 100)
    run.tell(an_incident("inc-new", observed_us=T0_US + 100 * S), now_s=100.5)
    run.tick_each_second(101, 110)
    gone = [record for record in run.records if record.topic == "incidents" and record.key == b"inc-old"]
    result = checked(without(run.records, *gone))
    assert (result.before_log, result.differing) == (1, 0)
    assert result.equal == 1


def test_a_record_that_was_read_after_a_tick_is_replayed_after_it() -> None:
    run = LoggedRun(DEMO)
    run.change(*a_grid(), now_s=-100)
    run.tell(an_alert(location=at()), now_s=0.5)
    run.tick_each_second(1, 5)
    # Appended before the tick of second 5, read after it: decided at the tick's moment.
    made = run.tell(a_fix(fix_us=T0_US + 4 * S, location=at(45, 0)), now_s=4.99)
    assert [assignment.decided_us for assignment in made.assignments] == [T0_US + 5 * S]
    run.tick_each_second(6, 70)
    result = checked(run.records)
    assert (result.differing, result.equal) == (0, len(decisions(run.records)))


def test_topics_that_were_read_unevenly_are_put_in_the_order_they_were_read_in() -> None:
    run = LoggedRun(DEMO)
    run.change(*a_grid(), now_s=-100)
    run.tell(an_alert(location=at()), now_s=0.5)
    run.tick_each_second(1, 59)
    run.tick(60.0)
    run.tell(a_fix(fix_us=T0_US + 55 * S, location=at(60, 0)), now_s=59.5)
    run.tick_each_second(61, 130)
    run.tell(an_incident(), now_s=125.5)
    run.tick_each_second(131, 200)
    result = checked(run.records)
    assert (result.differing, result.equal) == (0, len(decisions(run.records)))


def tick_moments(records: Sequence[LogRecord], *, known: bool | None = None, tick_us: int = S) -> list[int]:
    log = city_log(records)
    steps = [step for step in timeline(log.partitions[0], log.table, tick_us) if isinstance(step, Ticks)]
    chosen = [step for step in steps if known is None or step.known == known]
    return [at_us for t in chosen for at_us in range(t.first_us, t.last_us + 1, t.step_us)]


def test_ticks_that_decided_nothing_are_assumed_between_those_that_did(story: list[LogRecord]) -> None:
    moments = tick_moments(story)
    assert moments == sorted(set(moments))
    assert moments[:1_900] == list(range(T0_US + S, T0_US + 1_901 * S, S))


def test_ticks_far_apart_are_assumed_at_whole_multiples_of_their_interval() -> None:
    run = LoggedRun(DEMO)
    run.change(*a_grid(), now_s=-100)
    for number in range(100):
        run.tick(10 * number)
        if number < 6:
            run.tell(an_alert(f"s:{number}", location=at(number, 0)), now_s=10.01 * number + 2)
    run.tell(a_fix("s:0", fix_us=T0_US + 990 * S, location=at(300, 0)), now_s=999.9)
    assert T0_US % (10 * S) == 0
    assert tick_moments(run.records, tick_us=10 * S) == run.ticks_us[1:]
    result = checked(run.records, limits=RunLimits(10 * S, FAR_S))
    assert (result.differing, result.equal) == (0, len(decisions(run.records)))


@pytest.mark.parametrize(
    ("text", "offsets"),
    [
        ("cameras@5/health@-1", {"cameras": 5}),
        ("cameras@5/health@7/knowledge@9", {"cameras": 5, "camera-health": 7, "camera-knowledge": 9}),
        ("cameras@5/health@7/conditions@3", {"cameras": 5, "camera-health": 7, "conditions": 3}),
        ("cameras@5/streets@abc", {"cameras": 5}),
        ("", {}),
    ],
)
def test_the_camera_tables_version_tells_offsets_by_topic(text: str, offsets: dict[str, int]) -> None:
    unread = dict.fromkeys(("cameras", "camera-health", "camera-knowledge", "conditions"), -1)
    assert table_version(text) == (unread | offsets if offsets else {})


def test_a_run_that_takes_too_long_is_given_up(story: list[LogRecord]) -> None:
    with pytest.raises(LogTooLargeError, match="--most-seconds"):
        checked(story, limits=RunLimits(S, 0.0))


def test_a_saved_log_is_the_log(story: list[LogRecord], tmp_path: Path) -> None:
    path = tmp_path / "story.log.gz"
    save_records(path, story)
    assert load_records(path, 1_000_000) == story
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(LogFileError, match="cannot be written"):
        save_records(path, story)
    with pytest.raises(LogTooLargeError, match="more than 10 records"):
        load_records(path, 10)


def _gzipped(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)  # the same bytes each time, which name the tests


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"no gzip", "cannot be read"),
        (_gzipped("[1]\n"), "line 1"),
        (_gzipped('["goldentime-log-1"]\n["incidents", 0]\n'), "line 2"),
        (_gzipped('["goldentime-log-1"]\n["weather", 0, 0, 0, null, null]\n'), "line 2"),
    ],
)
def test_a_file_that_is_no_log_is_refused_with_its_line(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(content)
    with pytest.raises(LogFileError, match=says):
        load_records(path, 100)


def test_what_does_not_decode_is_counted_and_answered_as_in_the_worker(story: list[LogRecord]) -> None:
    run = LoggedRun(DEMO)
    run.change(*a_grid(3, 3), now_s=-1)
    run.tell(an_incident(), now_s=0.5)
    broken: Any = LogRecord("incidents", 0, 1, T0_US + S, b"x", b"no avro")
    lost = LogRecord(CAMERA_ASSIGNMENTS.name, 0, 9, T0_US + S, b"x", b"no avro")
    log = city_log([*run.records, broken, lost])
    (partition_run,) = run_log(CityEngine(DEMO), log, LIMITS)
    assert (log.undecodable, partition_run.refused) == (1, 1)
