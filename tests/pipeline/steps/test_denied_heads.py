"""What a case does after heads were denied to it: one plan, without them."""

from pipeline.reading.batch import StepResult
from schemas.camera_assignment import CameraAssignment
from schemas.ptz import PtzGrant
from tests.pipeline.engine_runs import EngineRun, a_grid, ids, only, reasons
from tests.support.records import T0_US, S, a_grant, a_table, an_incident, at


def a_run() -> tuple[EngineRun, CameraAssignment]:
    """Return a case among heads only, and its first version, which asks for some of them."""
    run = EngineRun(a_table(*a_grid(5, 5, 20.0, kind="ptz")))
    first = only(run.tell(an_incident("i", location=at(accuracy_m=20.0, quality="address")), now_s=0))
    return run, first


def denials(first: CameraAssignment, camera_ids: list[str], price: float | None = None) -> list[PtzGrant]:
    until_us = T0_US + 120 * S
    return [
        a_grant(
            first.case_id,
            "denied",
            camera_id=i,
            reason="value",
            until_us=until_us,
            price=price,
            opened_us=first.opened_us,
        )
        for i in camera_ids
    ]


def deny(run: EngineRun, first: CameraAssignment, price: float | None = None) -> tuple[list[str], StepResult]:
    lost = [c.camera_id for c in first.cameras if c.aim is not None][:2]
    return lost, run.tell(*denials(first, lost, price), now_s=1)


def test_denials_make_no_version_of_their_own() -> None:
    run, first = a_run()
    lost, told = deny(run, first)
    assert len(lost) == 2
    assert told.assignments == []


def test_the_next_tick_makes_one_version_without_all_heads_that_were_denied() -> None:
    run, first = a_run()
    lost, _ = deny(run, first)
    result = run.tick(2)
    assert reasons(result) == ["head-denied"]
    assert not set(lost) & set(ids(only(result)))
    assert len(only(result).cameras) == len(first.cameras)
    assert run.tick(3).assignments == []


def test_no_bid_is_made_again_that_is_known_to_lose() -> None:
    run, first = a_run()
    lost, _ = deny(run, first, price=1.0)
    asked = {request.camera_id for request in run.tick(2).ptz_requests if request.action == "move"}
    assert not set(lost) & asked


def test_a_head_that_costs_less_than_it_is_worth_is_asked_for_again_with_the_higher_bid() -> None:
    run, first = a_run()
    bid = {c.camera_id: c.why["loss"] for c in first.cameras}
    dear = max(bid, key=lambda camera_id: bid[camera_id])
    run.tell(*denials(first, [dear], price=bid[dear] / 2), now_s=1)
    again = [r for r in run.tick(2).ptz_requests if r.camera_id == dear and r.action == "move"]
    assert [request.value > bid[dear] / 2 for request in again] == [True]
