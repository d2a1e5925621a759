import json
from collections.abc import Iterator

import pytest

from console.embedded_broker import EmbeddedBroker
from schemas.topics import CAMERA_ASSIGNMENTS, WANDERING_ALERTS
from tests.console.assignments import a_camera, an_assignment
from tests.console.commands import call
from tests.console.topics import write_records
from tests.support.records import S, an_alert


@pytest.fixture(scope="module")
def with_cases() -> Iterator[EmbeddedBroker]:
    """Give a broker with three cases: one handed over, one denied, one released."""
    with EmbeddedBroker() as broker:
        call("topics", "create", broker=broker)
        handed = an_assignment(version=2, cameras=(a_camera("cam-2"),), released=("cam-1",), reason="moved")
        denied = an_assignment("police_112:2", status="denied", reason="not-urgent", rank=4, cameras=(), where=None)
        fire = an_assignment("fire_119:7", kind="structure-fire", services=("fire",), rank=1)
        ended = an_assignment(
            "fire_119:7", version=2, status="released", reason="closed", rank=1, cameras=(), where=None
        )
        walk = an_assignment("s:ann", kind="night-outing", services=("dementia",))
        alert = an_alert(
            "s:ann",
            walk.decided_us - S,
            kind="night-outing",
            why=("outside zone z-1 by 90 m ± 10 m", "2 fixes in a row"),
        )
        write_records(broker.bootstrap_servers, "demo.wandering-alerts", WANDERING_ALERTS, [alert])
        released = an_assignment(
            "s:ann", version=2, status="released", reason="returned", cameras=(), where=None, services=("dementia",)
        )
        records = [an_assignment(), handed, denied, fire, ended, walk, released]
        write_records(broker.bootstrap_servers, "demo.camera-assignments", CAMERA_ASSIGNMENTS, records)
        yield broker


def test_watch_gives_programs_the_newest_version_of_each_open_case(with_cases: EmbeddedBroker) -> None:
    result = call("watch", "--once", "--json", broker=with_cases)
    assert result.exit_code == 0
    (case,) = json.loads(result.output)
    assert (case["case_id"], case["version"]) == ("police_112:1", 2)
    assert [camera["camera_id"] for camera in case["cameras"]] == ["cam-2"]


def test_watch_shows_ended_cases_when_asked_to(with_cases: EmbeddedBroker) -> None:
    cases = json.loads(call("watch", "--once", "--json", "--all", broker=with_cases).output)
    assert [case["case_id"] for case in cases] == ["police_112:1", "s:ann", "fire_119:7", "police_112:2"]


def test_watch_shows_people_a_table(with_cases: EmbeddedBroker) -> None:
    text = call("watch", "--once", broker=with_cases).output
    assert "1 case at" in text
    assert "active: moved" in text


def test_explain_tells_every_version_of_a_case(with_cases: EmbeddedBroker) -> None:
    result = call("explain", "police_112:1", broker=with_cases)
    assert result.exit_code == 0
    assert "version 1 at" in result.output
    assert "version 2 at" in result.output
    assert "let go: cam-1" in result.output


def test_explain_tells_what_an_alert_about_a_person_rests_on(with_cases: EmbeddedBroker) -> None:
    text = " ".join(call("explain", "s:ann", broker=with_cases).output.split())
    assert "by owntracks: outside zone z-1 by 90 m ± 10 m; 2 fixes in a row" in text


def test_explain_gives_programs_the_versions_oldest_first(with_cases: EmbeddedBroker) -> None:
    versions = json.loads(call("explain", "police_112:1", "--json", broker=with_cases).output)
    assert [version["version"] for version in versions] == [1, 2]
    assert versions[0]["sources"] == [{"topic": "incidents", "partition": 3, "offset": 7}]


def test_explain_tells_one_version_in_full_when_asked_for_it(with_cases: EmbeddedBroker) -> None:
    text = call("explain", "police_112:1", "--version", "1", broker=with_cases).output
    assert "version 1 at" in text
    assert "version 2 at" not in text
    (version,) = json.loads(call("explain", "police_112:1", "--version", "1", "--json", broker=with_cases).output)
    assert version["version"] == 1
    assert {"p_view", "assumptions", "excluded_nearest"} <= set(version)


def test_explain_says_which_versions_are_left_when_one_is_gone_or_not_yet_made(with_cases: EmbeddedBroker) -> None:
    late = [an_assignment("fire_119:late", version=number) for number in (4, 6, 7)]
    write_records(with_cases.bootstrap_servers, "demo.camera-assignments", CAMERA_ASSIGNMENTS, late)
    gone = call("explain", "fire_119:late", "--version", "2", broker=with_cases)
    assert gone.exit_code == 1
    assert "version 2 of fire_119:late is gone: the topic keeps versions 4, 6 and 7" in gone.output
    future = call("explain", "fire_119:late", "--version", "9", broker=with_cases)
    assert future.exit_code == 1
    assert "has no version 9 yet: the newest is 7" in future.output
    ended = [an_assignment("fire_119:late", version=8, status="released", cameras=(), where=None)]
    write_records(with_cases.bootstrap_servers, "demo.camera-assignments", CAMERA_ASSIGNMENTS, ended)


def test_explain_takes_the_beginning_of_an_id_when_it_is_clear(with_cases: EmbeddedBroker) -> None:
    assert "case police_112:2" in call("explain", "police_112:2", broker=with_cases).output
    assert "case fire_119:7" in call("explain", "fire_119:7", broker=with_cases).output
    result = call("explain", "police", broker=with_cases)
    assert result.exit_code == 1
    assert "2 cases begin with 'police': police_112:1, police_112:2" in result.output


def test_explain_says_when_there_is_no_such_case(with_cases: EmbeddedBroker) -> None:
    result = call("explain", "nobody", broker=with_cases)
    assert result.exit_code == 1
    assert "no case 'nobody'" in result.output


def test_reading_without_topics_says_how_to_create_them() -> None:
    with EmbeddedBroker() as broker:
        result = call("watch", "--once", broker=broker)
    assert result.exit_code == 2
    assert "goldentime topics create" in result.output
