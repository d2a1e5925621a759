from dataclasses import replace
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console, RenderableType

from console.decision_lines import decision_lines
from console.history import history, kept_versions
from console.picture import picture_table, urgent_first
from console.wording import direction, duration, short_case, terms, time_of_day, what_happened
from schemas.camera_assignment import CameraAssignment, ExcludedCamera, InputRef, RunnerUp
from tests.console.assignments import MINUTE_US, T0_US, a_camera, an_assignment

SEOUL = ZoneInfo("Asia/Seoul")


def _plain(renderable: RenderableType, width: int = 118) -> str:
    out = StringIO()
    Console(file=out, width=width, highlight=False).print(renderable)
    return out.getvalue()


def _lines(assignment: CameraAssignment) -> list[str]:
    return [line.plain for line in decision_lines(assignment, SEOUL)]


def test_times_are_told_in_the_citys_zone() -> None:
    assert time_of_day(T0_US, SEOUL) == "14:00:00"


@pytest.mark.parametrize(
    ("bearing_deg", "expected"), [(0, "N"), (22, "N"), (23, "NE"), (180, "S"), (337, "NW"), (338, "N"), (360, "N")]
)
def test_bearings_become_one_of_eight_directions(bearing_deg: float, expected: str) -> None:
    assert direction(bearing_deg) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(-5, "0 s"), (119, "119 s"), (120, "2 min"), (7_199, "119 min"), (7_500, "2 h 05 min")]
)
def test_spans_are_told_in_words(seconds: int, expected: str) -> None:
    assert duration(seconds * 1_000_000) == expected


def test_long_case_ids_are_cut() -> None:
    assert short_case("s:ylkljzuf6y4xdur4e4jlw22p") == "s:ylkljzuf6y4xdur4e4jlw22p"
    assert short_case("x" * 40) == "x" * 24 + ".."


def test_score_terms_that_say_nothing_are_left_out() -> None:
    why = {"gain": 0.514, "heading": 1.0, "observe_range_m": 66.7, "held": 1.0, "nearest": 0.0}
    assert terms(why) == "gain 0.51, heading 1, observe to 67 m, held"


_HAND_OVER = {"version": 3, "added": ("b",), "released": ("c",), "reason": "moved"}
_LOSS = {"version": 3, "added": (), "released": ("c",), "reason": "camera-down"}
_END = {"status": "released", "cameras": (), "released": ("a", "b"), "reason": "closed"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "look through 1 camera: reported"),
        (_HAND_OVER, "hand over +1 -1, now 2 cameras: moved"),
        ({"version": 3, "added": (), "kept": ("a", "b"), "reason": "moved"}, "keep 2 cameras: moved"),
        (_LOSS, "change +0 -1, now 2 cameras: camera-down"),
        ({"status": "denied", "cameras": (), "added": (), "reason": "not-urgent"}, "denied: not-urgent"),
        ({"status": "needs-location", "cameras": (), "added": ()}, "no cameras, needs a place: reported"),
        (_END, "ends, lets 2 cameras go: closed"),
    ],
)
def test_what_a_version_decides_is_told_in_a_few_words(changes: dict[str, object], expected: str) -> None:
    if changes.get("version") == 3:
        changes = {"cameras": (a_camera("a"), a_camera("b")), **changes}
    assert what_happened(an_assignment(**changes)) == expected


def test_a_decision_shows_time_rank_kind_case_and_each_new_camera_with_its_reason() -> None:
    lines = _lines(an_assignment())
    expected = "14:00:01 [0] robbery look through 1 camera: reported (police, police_112:1 v1)"
    assert " ".join(lines[0].split()) == expected
    assert "cam-1" in lines[1]
    assert "34 m, looks NE" in lines[1]
    assert "observe, p 0.71, turn to 45, zoom 2.1" in lines[1]
    assert "(gain 0.51, heading 1)" in lines[1]


def test_a_first_decision_shows_four_cameras_and_counts_the_rest() -> None:
    lines = _lines(an_assignment(cameras=tuple(a_camera(f"cam-{n}") for n in range(7))))
    assert len(lines) == 1 + 4 + 1
    assert lines[-1].strip() == "+ 3 more"


def test_a_hand_over_shows_what_is_new_and_what_is_let_go() -> None:
    kept = a_camera("cam-1")
    lines = _lines(an_assignment(version=2, cameras=(kept, a_camera("cam-2")), added=("cam-2",), released=("cam-0",)))
    assert not any("cam-1" in line for line in lines)
    assert any(line.strip().startswith("+ cam-2") for line in lines)
    assert lines[-1].strip() == "- cam-0"


def test_an_exercise_is_marked_on_its_line() -> None:
    assert "EXERCISE" in _lines(an_assignment(exercise=True))[0]


def test_own_words_are_ascii_so_that_every_terminal_shows_them() -> None:
    assert "\n".join(_lines(an_assignment())).isascii()


def test_the_picture_puts_the_most_urgent_first_and_leaves_ended_cases_out() -> None:
    cases = [
        an_assignment("c", rank=2),
        an_assignment("b", rank=0, occurred_us=T0_US + 1),
        an_assignment("a", rank=0),
        an_assignment("d", status="released", cameras=()),
    ]
    assert [case.case_id for case in urgent_first(cases, with_ended=False)] == ["a", "b", "c"]
    assert [case.case_id for case in urgent_first(cases, with_ended=True)] == ["a", "d", "b", "c"]


def test_the_picture_shows_a_row_per_case_with_what_is_left_of_its_lease() -> None:
    table = picture_table([an_assignment()], with_ended=False, time_zone=SEOUL, now_us=T0_US + MINUTE_US)
    text = _plain(table)
    assert "1 case at 14:01:00" in text
    row = text.splitlines()[-1].split()
    assert row == ["0", "robbery", "police_112:1", "active:", "reported", "1", "34", "m", "14:00:00", "9", "min"]


def test_the_picture_fits_a_narrow_terminal() -> None:
    long_id = an_assignment("s:ylkljzuf6y4xdur4e4jlw22p")
    table = picture_table([long_id], with_ended=False, time_zone=SEOUL, now_us=T0_US)
    assert all(len(line) <= 90 for line in _plain(table, width=90).splitlines())
    assert len(_plain(table, width=90).splitlines()) == 3


def test_an_explanation_tells_why_where_from_what_and_what_was_not_chosen() -> None:
    moved = an_assignment(
        version=2,
        reason="moved",
        cameras=(a_camera("cam-2"),),
        released=("cam-1",),
        sources=(InputRef(topic="tracker-fixes", partition=1, offset=42),),
    )
    text = _plain(history([an_assignment(), moved], SEOUL))
    for told in (
        "case police_112:1: robbery (police), rank 0",
        "happened 2026-06-17 14:00:00 KST; 2 of 2 versions are kept, policy demo-1",
        "version 1 at 14:00:01: look through 1 camera: reported",
        "version 2 at 14:00:01: hand over +1 -1, now 1 camera: moved",
        "allowed for serious-crime by PIPA18-2-3",
        "sent to demo-112:control-room",
        "37.40000, 127.40000 in 솔내구 within 50 m",
        "decided from tracker-fixes/1@42 with cameras@6038/health@-1",
        "against the version before: 1 new, 0 kept, 1 let go",
        "let go: cam-1",
        "nearly chosen: cam-9 (88 m, would add 0.012)",
        "left out: 5 by purpose",
        "gain 0.51, heading 1, observe to 67 m",
    ):
        assert told in text
    assert "decided from incidents/3@7" not in text
    assert "decided from incidents/3@7" in _plain(history([an_assignment(), moved], SEOUL, an_assignment()))


def test_an_explanation_tells_the_report_apart_from_what_happened() -> None:
    missing = an_assignment(occurred_us=T0_US - 1_200_000_000, reported_us=T0_US)
    told = "happened 2026-06-17 13:40:00 KST, reported 2026-06-17 14:00:00 KST; 1 of 1"
    assert told in _plain(history([missing], SEOUL))


def test_an_explanation_tells_probabilities_assumptions_heads_terms_and_the_views_that_end() -> None:
    before = an_assignment(p_view=0.52)
    going = a_camera("cam-1", role="ending", until_us=T0_US + 4_000_000, p_view=0.0, why={"held": 1.0})
    terms_of_two = {"gain": 0.5, "sight": 0.9, "heading": 0.25, "clutter": 0.84, "learned": 0.7, "travel": 0.01}
    chosen = a_camera("cam-2", ptz="granted", why=terms_of_two)
    other = RunnerUp(camera_id="cam-9", distance_m=88.0, gain=0.012, why={"gain": 0.012, "sight": 0.3})
    barred = ExcludedCamera(camera_id="cam-8", distance_m=12.0, reason="head-denied")
    now = an_assignment(
        version=2,
        p_view=0.83,
        cameras=(chosen, going),
        added=("cam-2",),
        kept=("cam-1",),
        runner_up=(other,),
        excluded_nearest=(barred,),
        assumptions=("no-buildings", "something-new"),
    )
    text = " ".join(_plain(history([before, now], SEOUL), width=200).split())
    for told in (
        "version 2 at 14:00:01: hand over +1 -1, now 1 camera: reported",
        "at least one of the cameras shows the target with probability 0.83",
        "assumed: no outlines of buildings",
        "assumed: something-new",
        "turn to 45, zoom 2.1, granted gain 0.5, sight 0.9, heading 0.25, clutter 0.84, learned 0.7, travel 0.01",
        "ending: cam-1 goes on until 14:00:04, so that the new view begins before it ends",
        "probability of a view 0.52 before, 0.83 now",
        "nearly chosen: cam-9 (88 m, would add 0.012): sight 0.3",
        "cam-8 (12 m): head-denied",
    ):
        assert told in text
    assert "~ cam-1 goes on until 14:00:04" in [line.strip() for line in _lines(now)]


def test_a_head_that_was_turned_is_told_with_its_aim_before() -> None:
    turned = a_camera(aim=replace(a_camera().aim, pan_deg=90.0))
    text = _plain(history([an_assignment(), an_assignment(version=2, cameras=(turned,), added=())], SEOUL))
    assert "cam-1: turn to 90, zoom 2.1, before: turn to 45, zoom 2.1" in text


def test_long_histories_are_cut_to_their_last_lines() -> None:
    text = _plain(history([an_assignment(version=number) for number in range(1, 41)], SEOUL))
    assert ".. 9 versions before" in text
    assert "version 9 at" not in text
    assert "version 10 at" in text


@pytest.mark.parametrize(
    ("numbers", "words"),
    [([3], "version 3"), ([1, 2], "versions 1 and 2"), ([1, 4, 5, 6], "versions 1, 4 to 6")],
)
def test_which_versions_are_kept_is_told_in_spans(numbers: list[int], words: str) -> None:
    assert kept_versions([an_assignment(version=number) for number in numbers]) == words


def test_a_history_without_cameras_says_the_reason_only() -> None:
    denied = an_assignment(
        status="denied", reason="not-urgent", cameras=(), where=None, legal_basis=None, runner_up=(), excluded={}
    )
    text = _plain(history([denied], SEOUL))
    assert "denied: not-urgent" in text
    assert "allowed" not in text
    assert "holds until" not in text
