"""An agency's topic has the assignments addressed to it, with what it may see, and no longer than they are."""

import tomllib
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import pytest

from pipeline.errors import PolicyError
from pipeline.reading.batch import StepResult
from schemas.camera_assignment import AssignedCamera, CameraAssignment, InputRef, Target
from schemas.codec import decode
from schemas.registry import newest_schema
from tests.schemas.examples import example_record
from tests.support.policies import CITIES, DEMO
from tests.topologies.counting_engine import case_state
from topologies.city_files import load_city
from topologies.outputs import OutputWriter
from topologies.projection_files import CityAccess, access_from, load_access
from topologies.projections import (
    ALWAYS,
    CAMERA_ALWAYS,
    CAMERA_OPTIONAL,
    CAMERA_WITH_WHERE,
    SHOWABLE,
    TARGET_ALWAYS,
    Projection,
    Projector,
)

NOW_US = 1_790_000_000_123_456
WHOLE: CameraAssignment = example_record(newest_schema("CameraAssignment"))
POLICE, FIRE = "demo-112:control-room", "demo-119:control-room"
ACCESS = load_access(CITIES / "demo", DEMO)
PROJECTIONS = {projection.name: projection for projection in ACCESS.projections}


def camera(camera_id: str, owner: str = "Riverside") -> AssignedCamera:
    return replace(WHOLE.cameras[0], camera_id=camera_id, owner=owner, why={"sight": 0.5})


def version(number: int, *recipients: str, **changes: Any) -> CameraAssignment:
    """Return a version of a case with two cameras, addressed to these recipients."""
    parts: dict[str, Any] = {
        "case_id": "a",
        "version": number,
        "exercise": False,
        "recipients": recipients,
        "cameras": (camera("cam-1"), camera("cam-2", "새벽구")),
        "added": ("cam-1",),
        "kept": ("cam-2",),
        "released": ("cam-3",),
        "sources": (InputRef(topic="incidents", partition=0, offset=1),),
    }
    return replace(WHOLE, **(parts | changes))


def seen_by(name: str, assignment: CameraAssignment) -> CameraAssignment:
    view = PROJECTIONS[name].view(assignment)
    assert view is not None
    return view


def told(projector: Projector, assignment: CameraAssignment) -> dict[str, bool]:
    """Return which projections hear of an assignment: True for a view, False for a tombstone."""
    return {name: view is not None for name, view in projector.rows(assignment)}


def test_an_assignment_goes_to_the_agencies_among_its_recipients_and_names_no_others() -> None:
    both = version(1, FIRE, POLICE)
    assert told(Projector(ACCESS.projections), both) == {"police": True, "fire": True}
    assert seen_by("police", both).recipients == (POLICE,)
    assert seen_by("police", both).cameras[0].camera_id == "cam-1"


def test_what_a_projection_does_not_show_is_hidden_with_what_would_give_it_away() -> None:
    assignment = version(1, "demo-cctv-centre:operator")
    view = seen_by("district-saebyeok", assignment)
    assert (view.services, view.kind, view.where, view.sources, view.p_view) == ((), "other", None, (), None)
    (own,) = view.cameras
    assert (own.camera_id, own.distance_m, own.bearing_deg, own.aim, own.why) == ("cam-2", 0.0, 0.0, None, {})
    assert (view.added, view.kept, view.released) == ((), ("cam-2",), ())
    assert (view.purpose, view.legal_basis, view.valid_until_us) == (
        assignment.purpose, assignment.legal_basis, assignment.valid_until_us,
    )  # fmt: skip


def test_showing_everything_shows_the_whole_but_for_the_recipients() -> None:
    everything = Projection(name="all", agency="demo-112", principals=(), shows=frozenset(SHOWABLE))
    assignment = version(1, POLICE)
    assert everything.view(assignment) == assignment


def test_a_field_is_shown_always_or_when_a_city_names_it_and_else_hidden() -> None:
    names = {field.name for field in fields(CameraAssignment)}
    assert names == ALWAYS | {name for name in SHOWABLE if "." not in name}
    assert {field.name for field in fields(AssignedCamera)} == {*CAMERA_ALWAYS, *CAMERA_WITH_WHERE, *CAMERA_OPTIONAL}
    assert {field.name for field in fields(Target)} >= TARGET_ALWAYS
    assignment = version(1, POLICE)
    view = Projection(name="n", agency="demo-112", principals=(), shows=frozenset()).view(assignment)
    assert view is not None
    assert all(getattr(view, name) == getattr(assignment, name) for name in ALWAYS)
    assert (view.cameras, view.where, view.added, view.runner_up, view.excluded) == ((), None, (), (), {})


def test_who_is_no_longer_addressed_gets_a_tombstone_once() -> None:
    projector = Projector(ACCESS.projections)
    assert told(projector, version(1, FIRE, POLICE)) == {"police": True, "fire": True}
    assert told(projector, version(2, POLICE)) == {"police": True, "fire": False}
    assert told(projector, version(3, POLICE)) == {"police": True}


def test_a_district_loses_a_case_that_has_left_its_cameras() -> None:
    projector = Projector([PROJECTIONS["district-saebyeok"]])
    centre = "demo-cctv-centre:operator"
    assert told(projector, version(1, centre)) == {"district-saebyeok": True}
    assert told(projector, version(2, centre, cameras=(camera("cam-1"),))) == {"district-saebyeok": False}


@pytest.mark.parametrize("recipients", [("demo-training:exercise",), (POLICE,), (POLICE, "demo-training:exercise")])
def test_drills_reach_only_projections_of_drills_whatever_the_recipients_say(recipients: tuple[str, ...]) -> None:
    drill = version(1, *recipients, exercise=True)
    assert set(told(Projector(ACCESS.projections), drill)) <= {"training"}


def test_a_drill_that_becomes_real_leaves_the_training_room() -> None:
    projector = Projector(ACCESS.projections)
    assert told(projector, version(1, "demo-training:exercise", exercise=True)) == {"training": True}
    assert told(projector, version(2, POLICE)) == {"police": True, "training": False}


def test_after_a_restart_everybody_else_gets_a_tombstone_for_they_may_have_had_it() -> None:
    projector = Projector(ACCESS.projections)
    others = {name: False for name in PROJECTIONS if name != "police"}
    assert told(projector, version(7, POLICE)) == {"police": True} | others
    assert told(projector, version(8, POLICE)) == {"police": True}
    # Another worker has made versions meanwhile.
    assert told(projector, version(11, POLICE)) == {"police": True} | others
    assert told(projector, version(1, POLICE, opened_us=WHOLE.opened_us + 1)) == {"police": True}


def written(writer: OutputWriter, result: StepResult) -> dict[str, Sequence[tuple[bytes | None, bytes | None]]]:
    rows = {out.topic: list(zip(out.keys, out.values, strict=True)) for out in writer.outgoing(result, NOW_US)}
    return {topic: of_topic for topic, of_topic in rows.items() if "camera-assignments-" in topic}


def test_projections_are_written_in_the_same_unit_with_headers_of_their_own_source() -> None:
    writer = OutputWriter(lambda name: f"demo.{name}", "demo", projections=ACCESS.projections)
    assignment = version(1, POLICE)
    result = StepResult(assignments=[assignment], case_states={"a": case_state("a", 1, NOW_US)})
    police = next(o for o in writer.outgoing(result, NOW_US) if o.topic == "demo.camera-assignments-police")
    assert decode(CameraAssignment, police.values[0]) == seen_by("police", assignment)
    headers = dict(police.headers[0])
    assert (headers["ce_id"], headers["ce_source"]) == (assignment.event_id.encode(), b"/goldentime/demo/police")


def test_forgetting_a_case_forgets_it_where_it_was_told() -> None:
    writer = OutputWriter(lambda name: name, "demo", projections=ACCESS.projections)
    writer.outgoing(StepResult(assignments=[version(1, POLICE)], case_states={}), NOW_US)
    gone = StepResult(case_states={"a": None})
    assert written(writer, gone) == {"camera-assignments-police": [(b"a", None)]}
    # Whoever does not know who had it lets all forget it: a position must not stay anywhere.
    assert set(written(writer, gone)) == {f"camera-assignments-{name}" for name in PROJECTIONS}


GOOD = """
[access]
workers = ["User:w"]

[[projection]]
name = "police"
agency = "demo-112"
principals = ["User:police"]
shows = ["cameras"]
"""


def access_of(text: str) -> CityAccess:
    return access_from(tomllib.loads(text), DEMO)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('"police"\n', '"Police!"\n', "name must be small letters"),
        ("demo-112", "demo-911", "agency must be one of agencies.toml"),
        ('["cameras"]', '["camera"]', "shows must be of services"),
        ('["cameras"]', '["cameras.aim"]', "shows must have cameras where it has cameras.aim"),
        ('["cameras"]', '["cameras", "cameras.aim"]', "shows must have where with cameras.aim"),
        ('["cameras"]', '["runner_up"]', "shows must have where with runner_up"),
        ('["cameras"]', '["released"]\nowners = ["A"]', "shows must not have released with owners"),
        ("User:police", "User:police; rm", "principals must be Kafka principals"),
        ("shows", "showz", "unknown field showz"),
        ("[access]", "[[projection]]\n[access]", "name is missing"),
        ("workers", "worker", "unknown field worker"),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused_with_the_field_named(old: str, new: str, problem: str) -> None:
    assert access_of(GOOD).projections[0].name == "police"
    with pytest.raises(PolicyError, match=problem.replace("(", r"\(")):
        access_of(GOOD.replace(old, new, 1))


def test_names_of_projections_differ() -> None:
    with pytest.raises(PolicyError, match="'police' twice"):
        access_of(GOOD + GOOD.partition("[access]")[2].partition('"User:w"]')[2])


def test_the_cities_files_are_usable_and_a_city_without_one_has_no_projections() -> None:
    assert [topic.name for topic in ACCESS.topics()][:2] == ["camera-assignments-police", "camera-assignments-fire"]
    seoul = load_city(CITIES, "seoul")
    assert {p.agency for p in load_access(seoul.folder, seoul.policy).projections} >= {"seoul-112", "seoul-119"}
    assert load_access(CITIES, DEMO) == CityAccess()
