"""The desk of cameras: requests and looks of a partition in, orders, answers and knowledge out."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.heads.camera_desk import AGED_AFTER_US, AGED_PER_TICK, DeskState, read, step
from pipeline.learning.hypotheses import DARK, ORIENTATIONS, SPOTS
from pipeline.reading.batch import RawBatch, StepResult
from schemas.camera_knowledge import CameraObservation
from schemas.codec import encode
from schemas.ptz import PtzRequest
from schemas.topics import CAMERA_OBSERVATIONS, PTZ_REQUESTS
from tests.pipeline.engine_runs import DEMO, policy_with
from tests.pipeline.head_records import a_request, an_aim
from tests.support.records import T0_US, S

POLICY = policy_with(ptz={"dwell_s": 20, "margin": 0.05, "protected_rank": 1, "retry_s": 30, "home_after_s": 60})
Row = tuple[float, PtzRequest | CameraObservation]


def a_look(camera_id: str = "cam-1", **changes: Any) -> CameraObservation:
    """Return a look through a camera that did not see what it was expected to."""
    fields: dict[str, Any] = {
        "event_id": "look-1",
        "camera_id": camera_id,
        "observed_us": T0_US,
        "registered_kind": "fixed",
        "registered_error_m": 10.0,
        "expected": (0.5,) + (0.0,) * 11,
        "seen": (0.0,) * 12,
        "evidence": b"",
    }
    return CameraObservation(**(fields | changes))


def batch_of(topic: str, rows: Sequence[Row], first_offset: int = 0) -> RawBatch:
    """Return records with their arrival, seconds after the tests' beginning, as they come from the broker."""
    return RawBatch(
        topic=topic,
        partition=0,
        offsets=list(range(first_offset, first_offset + len(rows))),
        keys=[record.camera_id.encode() for _, record in rows],
        values=[encode(record) for _, record in rows],
        appended_us=[T0_US + int(at_s * S) for at_s, _ in rows],
    )


class DeskRun:
    """A partition's desk under way; times are seconds after the tests' beginning."""

    def __init__(self) -> None:
        self.state = DeskState()

    def tell(self, *rows: Row) -> StepResult:
        """Let the desk take records that arrive together."""
        requests = [row for row in rows if isinstance(row[1], PtzRequest)]
        looks = [row for row in rows if not isinstance(row[1], PtzRequest)]
        batches = [batch_of(PTZ_REQUESTS.name, requests), batch_of(CAMERA_OBSERVATIONS.name, looks)]
        return step(self.state, read([batch for batch in batches if batch.offsets]), POLICY, None)

    def tick(self, now_s: float) -> StepResult:
        """Let time alone decide."""
        return step(self.state, read([]), POLICY, T0_US + int(now_s * S))

    def restarted(self) -> "DeskRun":
        """Return the desk as it is after a restart."""
        run = DeskRun()
        heads = {key.encode(): encode(head) for key, head in self.state.heads.items()}
        known = {key.encode(): encode(what) for key, what in self.state.knowledge.items()}
        run.state = DeskState.restored(heads, known, POLICY)
        return run


def test_a_request_becomes_an_order_an_answer_and_a_row_of_the_head() -> None:
    result = DeskRun().tell((1, a_request()))
    assert [command.action for command in result.ptz_commands] == ["move"]
    assert [(grant.case_id, grant.result) for grant in result.ptz_grants] == [("case-a", "granted")]
    assert result.heads["ptz-1"] is not None
    assert result.heads["ptz-1"].case_id == "case-a"
    assert result.outcomes[PTZ_REQUESTS.name, "granted"] == 1


def test_heads_do_not_know_of_each_other() -> None:
    result = DeskRun().tell((1, a_request()), (1, a_request("case-b", camera_id="ptz-2", value=0.9)))
    assert {command.camera_id: command.case_id for command in result.ptz_commands} == {
        "ptz-1": "case-a",
        "ptz-2": "case-b",
    }


def test_ticks_end_leases_and_send_heads_home() -> None:
    run = DeskRun()
    run.tell((0, a_request(lease_s=40)))
    assert run.tick(39).ptz_commands == []
    ended = run.tick(41)
    assert [(g.case_id, g.result, g.reason) for g in ended.ptz_grants] == [("case-a", "ended", "lease-expired")]
    assert [command.action for command in ended.ptz_commands] == ["release"]
    assert [command.action for command in run.tick(100).ptz_commands] == ["return-home"]
    assert run.tick(1000).heads == {}


def test_a_renewed_lease_does_not_end_at_its_old_end() -> None:
    run = DeskRun()
    run.tell((0, a_request(lease_s=40)))
    run.tell((30, a_request(version=2, action="hold", at_s=30, lease_s=40)))
    assert run.tick(45).ptz_commands == []
    assert [command.action for command in run.tick(70).ptz_commands] == ["release"]


def test_after_a_restart_fences_holders_and_leases_go_on() -> None:
    run = DeskRun()
    run.tell((0, a_request(lease_s=40, value=0.5)))
    run = run.restarted()
    assert run.tell((5, a_request("case-b", at_s=5))).ptz_grants[0].reason == "value"
    ended = run.tick(40)
    assert [(command.action, command.fence) for command in ended.ptz_commands] == [("release", 2)]


def test_a_take_over_of_a_head_nobody_ever_had_survives_a_restart() -> None:
    run = DeskRun()
    run.tell((0, a_request(action="take-over", actor_ref="op-1")))
    assert run.restarted().tell((5, a_request(at_s=5))).ptz_grants[0].reason == "manual"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"value": float("nan")}, "value"),
        ({"value": 1.5}, "value"),
        ({"rank": -1}, "rank"),
        ({"deadline_us": T0_US + 2 * 86_400 * S}, "deadline_us"),
        ({"aim": None}, "aim"),
        ({"aim": replace(an_aim(), zoom=0.0)}, "aim"),
        ({"action": "take-over"}, "actor_ref"),
    ],
)
def test_a_request_that_breaks_a_rule_is_refused_and_its_neighbours_pass(changes: dict[str, Any], field: str) -> None:
    result = DeskRun().tell((0, a_request("wrong", **changes)), (0, a_request()))
    assert [(refusal.field, refusal.offset) for refusal in result.refusals] == [(field, 0)]
    assert [grant.case_id for grant in result.ptz_grants] == ["case-a"]
    assert result.outcomes[PTZ_REQUESTS.name, "dead-letter"] == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"expected": (1.0,)}, "expected"),
        ({"seen": (float("inf"),) * 12}, "seen"),
        ({"weight": 2.0}, "weight"),
        ({"evidence": b"123"}, "evidence"),
        ({"registered_error_m": float("nan")}, "registered_error_m"),
    ],
)
def test_a_look_that_breaks_a_rule_is_refused(changes: dict[str, Any], field: str) -> None:
    result = DeskRun().tell((0, a_look(**changes)))
    assert [refusal.field for refusal in result.refusals] == [field]
    assert result.knowledge == {}


def test_garbage_and_records_under_a_wrong_key_are_refused() -> None:
    batch = batch_of(PTZ_REQUESTS.name, [(0, a_request()), (0, a_request())])
    batch.values[0], batch.keys[1] = b"\x00 no Avro", b"other"
    result = step(DeskState(), read([batch]), POLICY, None)
    assert [refusal.reason for refusal in result.refusals] == ["unknown-schema", "key-mismatch"]


def test_looks_teach_of_their_camera_and_drills_do_not() -> None:
    run = DeskRun()
    result = run.tell((0, a_look()), (1, a_look()), (1, a_look("cam-2", exercise=True)))
    assert set(result.knowledge) == {"cam-1"}
    assert result.knowledge["cam-1"] is not None
    assert result.knowledge["cam-1"].looks == 2
    assert result.outcomes[CAMERA_OBSERVATIONS.name, "learned"] == 2
    assert result.outcomes[CAMERA_OBSERVATIONS.name, "exercise"] == 1
    assert run.restarted().tell((2, a_look())).knowledge["cam-1"].looks == 3


def test_the_desk_adds_to_what_the_unit_has_decided_before() -> None:
    result = StepResult()
    result.outcomes["incidents", "decided"] = 1
    assert step(DeskState(), read([batch_of(PTZ_REQUESTS.name, [(0, a_request())])]), DEMO, None, result) is result
    assert result.outcomes == {("incidents", "decided"): 1, (PTZ_REQUESTS.name, "granted"): 1}


rows = st.tuples(
    st.integers(0, 30),
    st.builds(
        a_request,
        st.sampled_from(["case-a", "case-b", "case-c"]),
        camera_id=st.sampled_from(["ptz-1", "ptz-2"]),
        action=st.sampled_from(["move", "move", "move", "hold", "release"]),
        version=st.integers(1, 3),
        rank=st.integers(0, 3),
        first_head=st.booleans(),
        value=st.sampled_from([0.1, 0.2, 0.9]),
        lease_s=st.sampled_from([5.0, 300.0]),
    ),
)


@settings(max_examples=60)
@given(st.lists(rows, min_size=1, max_size=12), st.data())
def test_how_the_records_are_cut_into_batches_does_not_matter(waits: list[Row], data: st.DataObject) -> None:
    story: list[Row] = []
    now_s = 0.0
    for wait_s, request in waits:
        now_s += wait_s
        lease_us = request.deadline_us - request.requested_us
        at_us = T0_US + int(now_s * S)
        story.append((now_s, replace(request, requested_us=at_us, deadline_us=at_us + lease_us)))
    # What arrives in one moment is judged together, so a cut goes between moments.
    cuts = [i for i in range(1, len(story)) if story[i - 1][0] < story[i][0] and data.draw(st.booleans())]
    whole, parts = DeskRun(), DeskRun()
    together = whole.tell(*story)
    commands, grants = [], []
    for start, end in zip([0, *cuts], [*cuts, len(story)], strict=True):
        result = parts.tell(*story[start:end])
        commands += result.ptz_commands
        grants += result.ptz_grants
    assert (together.ptz_commands, together.ptz_grants) == (commands, grants)
    assert whole.state.heads == parts.state.heads


def a_blind_look(camera_id: str = "cam-1") -> CameraObservation:
    """Return a look that says strongly that a camera shows nothing."""
    evidence = np.full((SPOTS, ORIENTATIONS), -6.0, "<f4")
    evidence[:, DARK] = 0.0
    return a_look(camera_id, evidence=evidence.tobytes())


def test_a_look_from_the_future_is_refused_because_all_else_would_count_as_old() -> None:
    run = DeskRun()
    skew_us = int(POLICY.movement.clock_skew_s * S)
    result = run.tell((0, a_look(observed_us=T0_US + skew_us + 1)))
    assert [(refusal.reason, refusal.field) for refusal in result.refusals] == [("clock-skew", "observed_us")]
    assert run.state.knowledge == {}
    assert result.outcomes["camera-observations", "dead-letter"] == 1
    assert run.tell((0, a_look(observed_us=T0_US + skew_us))).refusals == []


def test_a_camera_judged_dark_is_slowly_trusted_again_by_time_alone() -> None:
    run = DeskRun()
    run.tell((0, a_blind_look()))
    dark = run.state.knowledge["cam-1"].dark
    assert dark > 0.9
    assert run.tick(AGED_AFTER_US / S - 1).knowledge == {}
    week_s = AGED_AFTER_US / S
    assert run.restarted().tick(week_s).knowledge == run.tick(week_s).knowledge != {}
    for week in range(2, 110):
        run.tick(week * week_s)
    assert run.state.knowledge["cam-1"].dark < 0.2
    assert run.tick(200 * week_s).knowledge == {}, "nothing is left that could fade"


def test_a_look_puts_off_the_ageing_of_its_camera() -> None:
    run = DeskRun()
    run.tell((0, a_blind_look()))
    week_s = AGED_AFTER_US / S
    run.tell((week_s - 60, replace(a_blind_look(), observed_us=T0_US + int((week_s - 60) * S))))
    assert run.tick(week_s).knowledge == {}
    assert run.tick(2 * week_s - 60).knowledge != {}


def test_a_tick_ages_a_bounded_number_of_cameras() -> None:
    run = DeskRun()
    run.tell(*((0, a_blind_look(f"cam-{n}")) for n in range(AGED_PER_TICK + 3)))
    later_s = AGED_AFTER_US / S
    assert [len(run.tick(later_s + s).knowledge) for s in range(3)] == [AGED_PER_TICK, 3, 0]
