"""Views that were asked for go into the chain in their place, and change nothing else."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.decisions.audit import canonical
from pipeline.decisions.audit_check import verify
from pipeline.reading.batch import StepResult
from pipeline.reading.intake import read
from pipeline.steps.engine import step
from pipeline.steps.state import PartitionState
from schemas.access_audit import AccessAudit
from schemas.view_session import ViewSession
from tests.pipeline.law_worlds import LATER_S, POLICY, SCENERY, TICK, Entry, assignments, logs, outcomes, rows, told
from tests.support.records import T0_US, S, a_refused_view, a_view, an_incident, batches_of

HALF_S = S // 2
VIEWS = ("view", "view-refused")


@st.composite
def views(draw: Any, log: list[Entry]) -> list[Entry]:
    """Return views of the log's cases and of cases that nobody knows, between its records; some come twice."""
    cases = [record.case_id for _, record in log if record is not TICK]
    found: list[Entry] = []
    for now_us in draw(st.lists(st.sampled_from([at_us for at_us, _ in log]), max_size=6, unique=True)):
        case_id = draw(st.sampled_from([*cases, "unknown", "112:of-another-city"]))
        view = draw(st.sampled_from([a_view, a_refused_view]))(case_id, now_us)
        again = [record for _, record in found]
        found.append((now_us + HALF_S, draw(st.sampled_from([view, view, *again]))))
    return sorted(found, key=lambda entry: entry[0])


@st.composite
def mixes(draw: Any) -> tuple[list[Entry], list[Entry]]:
    """Return a log and views to mix into it."""
    log = draw(logs())
    return log, draw(views(log))


def run(
    log: Sequence[Entry], asked: Sequence[Entry], cuts: Sequence[int] = (), state: PartitionState | None = None
) -> list[StepResult]:
    """Return the results of steps over log and views; each topic counts its own offsets."""
    state, results = PartitionState() if state is None else state, []
    mixed = sorted([*log, *asked], key=lambda entry: entry[0])
    ticks = [i for i, (_, record) in enumerate(mixed) if record is TICK]
    ends = sorted({*(c for c in cuts if c < len(mixed)), *ticks, *(i + 1 for i in ticks), len(mixed)})
    start = decided = viewed = 0
    for end in ends:
        part, start = mixed[start:end], end
        if part and part[0][1] is TICK:
            decided += 1
            results.append(step(state, read([], POLICY), SCENERY, POLICY, part[0][0]))
        elif part:
            ours = [entry for entry in part if isinstance(entry[1], ViewSession)]
            others = [entry for entry in part if not isinstance(entry[1], ViewSession)]
            batches = batches_of(others, first_offset=decided) + batches_of(ours, first_offset=viewed)
            decided, viewed = decided + len(others), viewed + len(ours)
            results.append(step(state, read(batches, POLICY), SCENERY, POLICY, None))
    last_us = log[-1][0]
    return results + [step(state, read([], POLICY), SCENERY, POLICY, last_us + s * S) for s in LATER_S]


def audits(results: list[StepResult]) -> list[AccessAudit]:
    return [audit for result in results for audit in result.audits]


def unsealed(records: list[AccessAudit]) -> list[str]:
    return [canonical(dataclasses.replace(record, sequence=0)) for record in records]


@settings(max_examples=25, deadline=None)
@given(mixes())
def test_any_mix_of_views_and_cases_decides_what_the_cases_alone_do(mix: tuple[list[Entry], list[Entry]]) -> None:
    log, asked = mix
    alone, mixed = run(log, ()), run(log, asked)
    assert assignments(mixed) == assignments(alone)  # their sources too
    assert {**told(mixed), "audits": 0} == {**told(alone), "audits": 0}
    assert {**rows(mixed), "access-audits": 0} == {**rows(alone), "access-audits": 0}
    of_cases = [audit for audit in audits(mixed) if audit.action not in VIEWS]
    assert unsealed(of_cases) == unsealed(audits(alone))
    counted = outcomes(mixed)
    assert counted.pop(("view-sessions", "chained"), 0) == len(asked)
    assert counted == outcomes(alone)


@settings(max_examples=25, deadline=None)
@given(mixes(), st.lists(st.integers(0, 30), max_size=6))
def test_views_lie_in_the_one_chain_in_the_order_of_the_log_however_it_is_cut(
    mix: tuple[list[Entry], list[Entry]], cuts: list[int]
) -> None:
    log, asked = mix
    whole = audits(run(log, asked))
    assert [(a.from_us, a.event_id) for a in whole if a.action in VIEWS] == [(us, view.event_id) for us, view in asked]
    assert verify(whole) == ()
    assert audits(run(log, asked, cuts)) == whole


def test_after_a_restart_the_chain_goes_on_from_a_view() -> None:
    state = PartitionState()
    entries = [(T0_US, an_incident("inc-1", T0_US)), (T0_US + S, a_view("inc-1", T0_US + S))]
    first = step(state, read(batches_of(entries), POLICY), SCENERY, POLICY, None)
    restored = PartitionState.restored(rows([first]), POLICY)
    ended = batches_of([(T0_US + 2 * S, an_incident("inc-1", T0_US + 2 * S, status="closed"))])
    rest = step(restored, read(ended, POLICY), SCENERY, POLICY, None)
    assert [a.action for a in audits([first, rest])] == ["grant", "view", "release"]
    assert verify(audits([first, rest])) == ()


def test_a_view_of_a_case_that_nobody_knows_opens_none_and_is_chained() -> None:
    state = PartitionState()
    batches = batches_of([(T0_US, a_refused_view()), (T0_US + 1, a_view("112:far"))])
    result = step(state, read(batches, POLICY), SCENERY, POLICY, None)
    assert [(a.case_id, a.action, a.sequence) for a in result.audits] == [
        ("unknown", "view-refused", 1), ("112:far", "view", 2),
    ]  # fmt: skip
    assert (state.cases, state.subjects.slot_of, state.positions, state.clock_us) == ({}, {}, {}, 0)
    assert (result.assignments, result.case_states, result.refusals) == ([], {}, [])


def test_a_view_of_a_second_between_two_versions_lies_between_them() -> None:
    report = an_incident("inc-1", T0_US)
    ended = an_incident("inc-1", T0_US + 2 * S, status="closed")
    entries = [(T0_US, report), (T0_US + S, a_view("inc-1", T0_US + S)), (T0_US + 2 * S, ended)]
    result = step(PartitionState(), read(batches_of(entries), POLICY), SCENERY, POLICY, None)
    assert [a.action for a in result.audits] == ["grant", "view", "release"]
