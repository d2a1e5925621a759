"""One PTZ head: who gets it, who keeps it, and what it is ordered."""

from dataclasses import replace
from itertools import pairwise, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.heads.head_bids import due_us
from pipeline.heads.heads import Arbitration, arbitrate
from pipeline.rules.ptz_policy import PtzPolicy
from schemas.ptz import PtzHead, PtzRequest
from tests.pipeline.head_records import HEADS, HeadRun, a_request, an_aim, by_case, seconds
from tests.support.records import T0_US, S


def test_a_free_head_is_granted_at_once_for_the_lease_asked_for() -> None:
    run = HeadRun()
    result = run.ask(0, aim=an_aim(120.0))
    assert result.command is not None
    assert (result.command.action, result.command.fence, result.command.case_id) == ("move", 1, "case-a")
    assert result.command.aim == an_aim(120.0)
    assert seconds(result.command.deadline_us) == 300
    (grant,) = result.grants
    assert (grant.result, grant.reason, grant.fence) == ("granted", "free", 1)
    assert seconds(grant.until_us) == 300
    assert result.outcomes == ("granted",)


def test_after_the_dwell_a_clearly_higher_bid_takes_the_head_and_the_loser_hears_who_has_it() -> None:
    run = HeadRun()
    run.ask(0, value=0.30)
    result = run.ask(25, "case-b", value=0.40)
    assert run.holder == "case-b"
    grants = by_case(result.grants)
    assert (grants["case-a"].result, grants["case-a"].reason) == ("pre-empted", "value")
    assert grants["case-a"].by_case_id == "case-b"
    assert seconds(grants["case-a"].until_us) == 25 + 30
    assert (grants["case-b"].result, grants["case-b"].fence) == ("granted", 2)


def test_a_bid_within_the_margin_or_the_dwell_is_denied_with_the_time_when_asking_makes_sense_again() -> None:
    run = HeadRun()
    run.ask(0, value=0.30)
    dwelling = run.ask(5, "case-b", value=0.90)
    assert run.told("case-b") == [("denied", "dwell")]
    assert seconds(dwelling.grants[0].until_us) == 20
    too_low = run.ask(25, "case-c", value=0.34)
    assert run.told("case-c") == [("denied", "value")]
    assert seconds(too_low.grants[0].until_us) == 55
    assert too_low.grants[0].by_case_id == "case-a"
    assert (run.holder, run.actions) == ("case-a", ["move"])


def test_the_first_head_of_an_urgent_case_goes_only_to_the_first_head_of_a_more_urgent_one() -> None:
    run = HeadRun()
    run.ask(0, rank=1, first_head=True, value=0.1)
    run.ask(30, "case-b", rank=1, first_head=True, value=0.9)
    run.ask(31, "case-c", rank=0, first_head=False, value=0.9)
    run.ask(32, "case-d", rank=2, first_head=True, value=0.9)
    assert run.holder == "case-a"
    assert {run.told(f"case-{name}")[0] for name in "bcd"} == {("denied", "rank-protected")}
    run.ask(33, "case-e", rank=0, first_head=True, value=0.01)
    assert run.holder == "case-e"
    assert run.told("case-a")[-1] == ("pre-empted", "rank-protected")


def test_a_protected_head_is_taken_at_once_from_whoever_has_no_right_to_it() -> None:
    run = HeadRun()
    run.ask(0, value=0.9)
    run.ask(1, "case-b", rank=1, first_head=True, value=0.05)
    assert run.holder == "case-b"


def test_a_real_case_always_takes_the_head_from_a_drill_and_a_drill_never_from_a_real_case() -> None:
    run = HeadRun()
    run.ask(0, "drill", exercise=True, rank=0, first_head=True, value=1.0)
    run.ask(1, "real", rank=4, value=0.02)
    assert run.holder == "real"
    assert run.told("drill")[-1] == ("pre-empted", "exercise")
    run.ask(100, "drill", exercise=True, version=2, rank=0, first_head=True, value=1.0)
    assert run.holder == "real"
    assert run.told("drill")[-1] == ("denied", "exercise")
    run.ask(101, "drill", exercise=True, version=3, action="take-over", actor_ref="trainer")
    assert run.holder == "real"


def test_the_holder_may_turn_the_head_elsewhere_and_renew_its_lease() -> None:
    run = HeadRun()
    run.ask(0, aim=an_aim(90.0))
    turned = run.ask(10, version=2, aim=an_aim(180.0))
    assert turned.command is not None
    assert (turned.command.action, turned.command.aim) == ("move", an_aim(180.0))
    held = run.ask(40, version=3, action="hold", aim=an_aim(180.3))
    assert held.command is not None
    assert (held.command.action, held.command.aim) == ("hold", None)
    assert seconds(held.command.deadline_us) == 340
    same = run.ask(50, version=4, aim=an_aim(180.4))
    assert same.command is not None
    assert same.command.action == "hold", "less than a degree is the same picture"
    assert run.told("case-a")[1:] == [("granted", "renewed")] * 3


def test_a_lease_that_would_go_on_little_longer_stays_as_it_is_but_the_bid_counts() -> None:
    run = HeadRun()
    run.ask(0, value=0.3)
    held = run.ask(10, version=2, action="hold", value=0.6)
    assert (held.command, held.grants, held.outcomes) == (None, (), ("renewed",))
    assert seconds(held.head.deadline_us) == 300
    run.ask(60, "case-b", value=0.5)
    assert run.holder == "case-a"
    assert run.told("case-b") == [("denied", "value")]


def test_a_holder_may_ask_for_less_than_its_lease() -> None:
    run = HeadRun()
    run.ask(0, lease_s=300.0)
    run.ask(10, version=2, action="hold", lease_s=60.0)
    assert run.head is not None
    assert seconds(run.head.deadline_us) == 70


def test_the_same_request_twice_orders_and_tells_nothing_new() -> None:
    run = HeadRun()
    request = a_request()
    run.at(0, request)
    again = run.at(1, request)
    assert (again.command, again.grants, again.outcomes) == (None, (), ("repeated",))


def test_older_versions_and_openings_of_the_holder_are_ignored() -> None:
    run = HeadRun()
    run.ask(0, version=5)
    run.ask(1, version=4, action="release")
    run.ask(2, version=9, opened_us=T0_US - S, action="release")
    assert run.outcomes == ["granted", "late", "late"]
    assert run.holder == "case-a"
    run.ask(3, version=1, opened_us=T0_US + S, action="release")
    assert run.holder is None


def test_a_released_head_is_let_go_and_goes_home_after_a_while() -> None:
    run = HeadRun()
    run.ask(0)
    run.ask(10, version=2, action="release")
    assert run.told("case-a")[-1] == ("ended", "released")
    run.at(69)
    assert run.actions == ["move", "release"]
    run.at(70)
    assert run.actions == ["move", "release", "return-home"]
    run.at(500)
    assert len(run.commands) == 3, "it is at home"
    assert run.head is not None
    assert run.head.aim is None


def test_a_lease_that_nobody_renews_ends_and_its_case_hears_it() -> None:
    run = HeadRun()
    run.ask(0, lease_s=40)
    run.at(39)
    assert run.holder == "case-a"
    run.at(40)
    assert run.holder is None
    assert run.told("case-a")[-1] == ("ended", "lease-expired")
    assert run.actions == ["move", "release"]


def test_a_head_whose_lease_ended_moves_to_the_next_case_in_one_order() -> None:
    run = HeadRun()
    run.ask(0, lease_s=40)
    run.ask(45, "case-b", value=0.01)
    assert run.told("case-a")[-1] == ("ended", "lease-expired")
    assert (run.holder, run.actions) == ("case-b", ["move", "move"])


def test_a_wish_that_comes_after_its_own_lease_is_denied() -> None:
    run = HeadRun()
    run.at(50, a_request(lease_s=40))
    assert run.told("case-a") == [("denied", "lease-expired")]
    assert run.commands == []


def test_an_operator_takes_the_head_over_until_they_resume() -> None:
    run = HeadRun()
    run.ask(0, rank=0, first_head=True)
    run.ask(5, "case-b", action="take-over", actor_ref="op-7")
    assert run.holder is None
    assert run.told("case-a")[-1] == ("pre-empted", "manual")
    assert run.actions == ["move", "release"]
    run.ask(30, version=2, rank=0, first_head=True)
    assert run.told("case-a")[-1] == ("denied", "manual")
    run.ask(40, "case-b", version=2, action="resume", actor_ref="op-7")
    run.ask(41, version=3, rank=0, first_head=True)
    assert run.holder == "case-a"


def test_a_forgotten_take_over_ends_by_itself_and_the_head_goes_home() -> None:
    run = HeadRun()
    run.ask(0, action="take-over", actor_ref="op-7")
    run.at(599)
    assert run.head is not None
    assert run.head.manual_by == "op-7"
    run.at(600)
    assert run.head.manual_by is None
    run.at(660)
    assert run.actions == ["return-home"]


def test_a_real_case_takes_the_head_from_the_operator_of_a_drill() -> None:
    run = HeadRun()
    run.ask(0, "drill", action="take-over", actor_ref="trainer", exercise=True)
    run.ask(1, "other-drill", exercise=True)
    assert run.told("other-drill") == [("denied", "manual")]
    run.ask(2, "real")
    assert run.holder == "real"


def test_the_movement_budget_keeps_a_head_where_it_is_but_not_from_a_protected_case() -> None:
    run = HeadRun(replace(HEADS, moves_per_hour=2))
    run.ask(0, aim=an_aim(0.0), lease_s=4000)
    run.ask(10, version=2, aim=an_aim(90.0), lease_s=4000)
    still = run.ask(20, version=3, aim=an_aim(180.0), lease_s=4000)
    assert still.grants[0].reason == "budget"
    assert still.head.aim == an_aim(90.0)
    denied = run.ask(60, "case-b", value=0.9)
    assert (denied.grants[0].result, denied.grants[0].reason) == ("denied", "budget")
    assert seconds(denied.grants[0].until_us) == 3600
    run.ask(61, "case-c", rank=0, first_head=True)
    assert run.holder == "case-c"


def test_in_shadow_mode_everything_is_decided_and_says_that_nothing_moved() -> None:
    run = HeadRun(replace(HEADS, shadow=True))
    run.ask(0)
    run.ask(30, "case-b", value=0.9)
    assert run.holder == "case-b"
    assert all(command.shadow for command in run.commands)
    assert run.told("case-a") == [("granted", "shadow-free"), ("pre-empted", "shadow-value")]


@pytest.mark.parametrize("taken", [False, True])
def test_requests_of_one_moment_are_judged_alike_in_every_order(taken: bool) -> None:
    moment = [
        a_request("case-b", value=0.9),
        a_request("case-c", value=0.9),
        a_request("case-d", rank=1, first_head=True, value=0.1),
        a_request("case-d", rank=1, first_head=True, value=0.1, version=2, aim=an_aim(10.0)),
        a_request("case-a", action="release", version=2),
    ]
    results = []
    for order in permutations(moment):
        run = HeadRun()
        if taken:
            run.ask(-30, value=0.5)
        result = run.at(0, *order)
        results.append((result.head, result.command, result.grants))
    assert all(result == results[0] for result in results)
    assert results[0][0].case_id == "case-d"
    assert results[0][0].aim == an_aim(10.0)


def test_a_real_case_that_goes_on_holding_the_head_of_its_drill_is_told_so() -> None:
    run = HeadRun()
    run.ask(0, "case-a", exercise=True)
    result = run.ask(1, "case-a", action="hold", version=2)
    assert (result.head.case_id, result.head.exercise) == ("case-a", False)
    assert [(grant.result, grant.exercise) for grant in result.grants] == [("granted", False)]


def test_a_drill_whose_case_turns_real_in_the_same_moment_is_told_nothing_more() -> None:
    run = HeadRun()
    run.ask(0, "case-a", exercise=True)
    by_hand = a_request("case-a", action="take-over", actor_ref="op-1", exercise=True)
    result = run.at(1, by_hand, a_request("case-a", version=2))
    assert result.head.exercise is False
    assert [(grant.result, grant.exercise) for grant in result.grants] == [("granted", False)]


def test_equal_bids_of_one_moment_go_to_the_smaller_case_id() -> None:
    run = HeadRun()
    run.at(0, a_request("case-b"), a_request("case-ab"), a_request("case-a"))
    assert run.holder == "case-a"


CASES = ("case-a", "case-b", "case-c")
requests = st.builds(
    a_request,
    st.sampled_from(CASES),
    action=st.sampled_from(["move"] * 5 + ["hold", "release", "take-over", "resume"]),
    version=st.integers(1, 4),
    rank=st.integers(0, 3),
    first_head=st.booleans(),
    value=st.sampled_from([0.0, 0.02, 0.1, 0.14, 0.5, 0.9]),
    exercise=st.booleans(),
    aim=st.sampled_from([an_aim(0.0), an_aim(90.0)]),
    lease_s=st.sampled_from([5.0, 30.0, 300.0, 2_000.0]),
    actor_ref=st.just("op-1"),
)
Moment = tuple[int, list[PtzRequest]]
stories = st.lists(st.tuples(st.integers(1, 60), st.lists(requests, max_size=4)), max_size=20)
policies = st.builds(
    replace,
    st.just(HEADS),
    dwell_s=st.sampled_from([0.0, 20.0]),
    moves_per_hour=st.sampled_from([1, 3, 240]),
    home_after_s=st.sampled_from([0.0, 60.0]),
    shadow=st.booleans(),
)


def told_in_order(story: list[Moment], policy: PtzPolicy) -> list[tuple[PtzHead | None, Arbitration]]:
    """Return what each moment found and brought; the wait before a moment is its first number, in seconds."""
    head: PtzHead | None = None
    steps = []
    now_us = T0_US
    for wait_s, moment in story:
        now_us += wait_s * S
        asked = [
            replace(
                r,
                requested_us=now_us,
                deadline_us=now_us + r.deadline_us - r.requested_us,
                event_id=f"{now_us}/{r.version}/{i}",
            )
            for i, r in enumerate(moment)
        ]
        result = arbitrate(head, asked, "ptz-1", now_us, policy)
        steps.append((head, result))
        head = result.head
    return steps


@settings(max_examples=80)
@given(stories, policies)
def test_fences_grow_and_no_order_comes_after_its_end(story: list[Moment], policy: PtzPolicy) -> None:
    commands = [result.command for _, result in told_in_order(story, policy) if result.command]
    assert all(before.fence < after.fence for before, after in pairwise(commands))
    assert all(command.issued_us < command.deadline_us for command in commands)
    assert len({command.event_id for command in commands}) == len(commands)
    assert all(command.shadow == policy.shadow for command in commands)


@settings(max_examples=80)
@given(stories, policies)
def test_at_most_one_case_holds_the_head_and_each_knows(story: list[Moment], policy: PtzPolicy) -> None:
    believes: set[tuple[str, bool]] = set()
    for before, result in told_in_order(story, policy):
        for grant in result.grants:
            believes.discard((grant.case_id, grant.exercise))
            if not grant.exercise:
                believes.discard((grant.case_id, True))  # what speaks of a real case ends its drill
            if grant.result == "granted":
                believes.add((grant.case_id, grant.exercise))
        held = set() if result.head.case_id is None else {(result.head.case_id, result.head.exercise)}
        assert believes == held
        assert before is None or result.head.fence >= before.fence


@settings(max_examples=80)
@given(stories, policies)
def test_a_head_changes_hands_only_by_right_value_time_or_hand(story: list[Moment], policy: PtzPolicy) -> None:
    asked = [{request.case_id for request in moment} for _, moment in story]
    for (before, result), asking in zip(told_in_order(story, policy), asked, strict=True):
        after = result.head
        if before is None or before.case_id is None or after.case_id in {None, before.case_id}:
            continue
        lost = by_case(result.grants).get(before.case_id)
        if lost is None or lost.result != "pre-empted":
            continue  # it had ended or was given back in the same moment
        if lost.reason.endswith("manual") or before.case_id in asking:
            continue  # what it asked for in the same moment may have changed its own right and value
        assert not (after.exercise and not before.exercise)
        if before.exercise and not after.exercise:
            continue
        protected = before.first_head and before.rank <= policy.protected_rank
        comes_by_right = after.first_head and after.rank <= policy.protected_rank
        assert not protected or (comes_by_right and after.rank < before.rank)
        dwelt_s = (lost.decided_us - before.since_us) / S
        assert comes_by_right or dwelt_s >= policy.dwell_s


@settings(max_examples=80)
@given(stories, policies)
def test_a_replay_brings_the_same(story: list[Moment], policy: PtzPolicy) -> None:
    assert told_in_order(story, policy) == told_in_order(story, policy)


@settings(max_examples=80)
@given(stories, policies, st.randoms(use_true_random=False))
def test_the_order_within_a_moment_does_not_matter(story: list[Moment], policy: PtzPolicy, random) -> None:
    def outcome(order: list[Moment]) -> list[object]:
        return [(r.head, r.command, r.grants) for _, r in told_in_order(order, policy)]

    numbered = [(wait, [replace(r, version=10 * r.version + i) for i, r in enumerate(m)]) for wait, m in story]
    shuffled = [(wait, random.sample(m, len(m))) for wait, m in numbered]
    assert outcome(shuffled) == outcome(numbered)


@settings(max_examples=80)
@given(st.lists(requests.filter(lambda r: r.action == "move"), min_size=1, max_size=5))
def test_bids_of_one_moment_have_one_winner_however_they_are_cut(moment: list[PtzRequest]) -> None:
    together, apart = HeadRun(), HeadRun()
    distinct = list({request.case_id: request for request in moment}.values())
    for run in (together, apart):
        run.ask(-30, "holder", value=0.1)
    together.at(0, *distinct)
    for request in distinct:
        apart.at(0, request)
    assert together.holder == apart.holder
    assert together.head is not None
    assert apart.head is not None
    assert together.head.aim == apart.head.aim


def test_a_holder_whose_own_operator_turns_the_head_keeps_it_and_has_it_turned_back() -> None:
    run = HeadRun()
    run.ask(0, aim=an_aim(90.0), lease_s=400)
    run.ask(5, action="take-over", actor_ref="op-7")
    assert (run.holder, run.told("case-a")[-1]) == ("case-a", ("granted", "manual"))
    assert run.actions == ["move", "release"], "the software lets go"
    run.ask(10, version=2, aim=an_aim(180.0), lease_s=400)
    assert run.told("case-a")[-1] == ("granted", "manual")
    run.ask(11, "case-b", rank=0, first_head=True)
    assert run.told("case-b")[-1] == ("denied", "manual")
    assert len(run.commands) == 2, "nobody turns it against the operator's hand"
    back = run.ask(20, version=3, action="resume", actor_ref="op-7").command
    assert back is not None
    assert (back.action, back.aim) == ("move", an_aim(180.0))
    assert run.told("case-a")[-1] == ("granted", "renewed")


def test_a_forgotten_take_over_of_ones_own_head_ends_by_itself() -> None:
    run = HeadRun()
    run.ask(0, lease_s=2_000)
    run.ask(5, action="take-over", actor_ref="op-7")
    run.at(604)
    assert run.actions == ["move", "release"]
    run.at(605)
    assert (run.holder, run.actions) == ("case-a", ["move", "release", "move"])


def test_a_lease_that_ends_while_its_operator_turns_the_head_leaves_the_hand_alone() -> None:
    run = HeadRun()
    run.ask(0, lease_s=60)
    run.ask(5, action="take-over", actor_ref="op-7")
    assert run.head is not None
    assert seconds(due_us(run.head, HEADS) or 0) == 60
    run.at(60)
    assert run.told("case-a")[-1] == ("ended", "lease-expired")
    assert (run.head.case_id, run.head.manual_by) == (None, "op-7")
    run.at(605)
    run.at(665)
    assert run.actions == ["move", "release", "return-home"]


def test_a_case_that_gives_its_head_back_while_its_operator_turns_it_leaves_the_hand_alone() -> None:
    run = HeadRun()
    run.ask(0)
    run.ask(5, action="take-over", actor_ref="op-7")
    run.ask(10, version=2, action="release")
    assert run.head is not None
    assert (run.told("case-a")[-1], run.head.manual_by) == (("ended", "released"), "op-7")
    assert run.actions == ["move", "release"]


def test_another_cases_operator_takes_the_head_from_a_hand_and_its_case() -> None:
    run = HeadRun()
    run.ask(0)
    run.ask(5, action="take-over", actor_ref="op-7")
    run.ask(10, "case-b", action="take-over", actor_ref="op-8")
    assert run.told("case-a")[-1] == ("pre-empted", "manual")
    assert run.head is not None
    assert (run.head.case_id, run.head.manual_by) == (None, "op-8")


def test_who_is_outbid_is_told_what_a_bid_must_exceed() -> None:
    run = HeadRun()
    run.ask(0, value=0.3)
    run.ask(1, "case-b", value=0.32)
    run.ask(30, "case-c", value=0.5)
    prices = {(grant.case_id, grant.result): grant.price for grant in run.grants}
    assert prices["case-b", "denied"] == pytest.approx(0.35)
    assert prices["case-a", "pre-empted"] == pytest.approx(0.55)
    assert prices["case-c", "granted"] is None


def test_a_bid_that_is_high_enough_but_comes_too_early_has_no_price() -> None:
    run = HeadRun()
    run.ask(0, value=0.3)
    run.ask(1, "case-b", value=0.9)
    assert [(grant.reason, grant.price) for grant in run.grants[1:]] == [("dwell", None)]


def test_a_holder_who_only_changes_its_bid_is_not_answered() -> None:
    run = HeadRun()
    run.ask(0, value=0.3)
    told = len(run.grants)
    run.at(5, a_request(version=2, action="hold", aim=an_aim(), value=0.4))
    assert run.head is not None
    assert (run.head.value, len(run.grants), run.actions) == (0.4, told, ["move"])
