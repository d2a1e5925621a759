"""How urgent a report is, by the city's table: the first rule that matches wins."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.rules.policy import Policy
from pipeline.rules.policy_fields import PolicyFields
from pipeline.rules.ranking import LAST_RANK, most_urgent, rank_table_from
from schemas.case_state import CaseReport
from tests.support.policies import DEMO, SEOUL_CITY
from tests.support.records import T0_US


def a_report(**changes: Any) -> CaseReport:
    fields: dict[str, Any] = {"report_id": "r", "service": "police", "kind": "noise", "occurred_us": T0_US}
    return CaseReport(**{**fields, "observed_us": T0_US, **changes})


def table(default_rank: int, *rules: dict[str, Any]) -> Any:
    return rank_table_from(PolicyFields("ranks.toml", {"default_rank": default_rank, "rule": list(rules)}))


def test_the_first_rule_that_matches_wins() -> None:
    ranks = table(3, {"rank": 1, "services": ["police"]}, {"rank": 0, "kinds": ["noise"]})
    assert ranks.rank_of(a_report()) == 1
    assert ranks.rank_of(a_report(service="fire")) == 0


def test_what_no_rule_matches_has_the_default_rank() -> None:
    assert table(3).rank_of(a_report()) == 3
    assert table(2, {"rank": 0, "kinds": ["fire"]}).rank_of(a_report()) == 2


def test_a_rule_asks_for_all_its_conditions_at_once() -> None:
    ranks = table(3, {"rank": 0, "services": ["dementia"], "kinds": ["sos"], "urgencies": ["X"], "with_hazard": True})
    full: dict[str, Any] = {"service": "dementia", "kind": "sos", "urgency_native": "X", "hazards": ("water",)}
    assert ranks.rank_of(a_report(**full)) == 0
    for name, other in (("service", "child"), ("kind", "found"), ("urgency_native", None), ("hazards", ())):
        assert ranks.rank_of(a_report(**{**full, name: other})) == 3


def test_a_rule_without_conditions_matches_everything() -> None:
    assert table(3, {"rank": 4}).rank_of(a_report()) == 4


@pytest.mark.parametrize("policy", [DEMO, SEOUL_CITY], ids=["demo", "seoul"])
@pytest.mark.parametrize(
    ("rank", "report"),
    [
        (0, a_report(urgency_native="C0")),
        (1, a_report(urgency_native="C1")),
        (2, a_report(urgency_native="C2")),
        (3, a_report(urgency_native="C3")),
        (4, a_report(urgency_native="C4", kind="robbery")),
        (0, a_report(service="fire", kind="fire", urgency_native="level-2")),
        (0, a_report(service="fire", kind="collapse")),
        (1, a_report(service="fire", kind="structure-fire", urgency_native="level-1")),
        (1, a_report(service="fire", kind="cardiac-arrest")),
        (2, a_report(service="fire", kind="ems")),
        (4, a_report(service="fire", kind="wrong-number")),
        (0, a_report(service="disaster", kind="flood", urgency_native="critical")),
        (1, a_report(service="disaster", kind="flood", urgency_native="alert")),
        (1, a_report(service="child", kind="missing-child")),
        (1, a_report(service="dementia", kind="safe-zone-exit", hazards=("cold",))),
        (2, a_report(service="dementia", kind="safe-zone-exit")),
        (3, a_report(service="dementia", kind="low-battery")),
        (1, a_report(service="dementia", kind="sos")),
        (2, a_report(service="traffic", kind="collision")),
        (3, a_report(service="other", kind="unheard-of", urgency_native="?")),
    ],
    ids=lambda value: f"{value.service}-{value.kind}-{value.urgency_native}" if isinstance(value, CaseReport) else None,
)
def test_the_cities_rank_as_the_common_table_of_the_services_says(
    policy: Policy, rank: int, report: CaseReport
) -> None:
    assert policy.ranks.rank_of(report) == rank


def test_the_most_urgent_report_leads_then_the_earliest_then_the_first_by_id() -> None:
    late, early = a_report(report_id="b", occurred_us=T0_US + 2), a_report(report_id="z", occurred_us=T0_US + 1)
    twin, calm = a_report(report_id="a", occurred_us=T0_US + 1), a_report(report_id="0", kind="calm", occurred_us=1)
    ranks = table(3, {"rank": 1, "kinds": ["noise"]})
    assert most_urgent([calm, late], ranks) == (1, late)
    assert most_urgent([late, calm, early], ranks) == (1, early)
    assert most_urgent([early, twin, late], ranks) == (1, twin)
    assert most_urgent([calm], ranks) == (3, calm)


def test_without_reports_nothing_is_urgent() -> None:
    assert most_urgent([], DEMO.ranks) is None


reports = st.builds(
    a_report,
    report_id=st.text(max_size=3),
    service=st.sampled_from(["police", "fire", "dementia", "disaster", "sth-new"]),
    kind=st.sampled_from(["fire", "robbery", "sos", "missing-child", "ems", "sth-new"]),
    urgency_native=st.sampled_from([None, "C0", "C2", "C4", "level-3", "sth-new"]),
    hazards=st.sampled_from([(), ("water",)]),
)


@given(st.lists(reports, min_size=1, max_size=6, unique_by=lambda r: r.report_id), st.randoms(use_true_random=False))
def test_every_report_has_a_rank_and_the_lead_does_not_depend_on_the_order(members: list[CaseReport], rnd: Any) -> None:
    ranks = [SEOUL_CITY.ranks.rank_of(r) for r in members]
    assert all(0 <= rank <= LAST_RANK for rank in ranks)
    lead = most_urgent(members, SEOUL_CITY.ranks)
    assert lead is not None
    assert lead[0] == min(ranks)
    shuffled = list(members)
    rnd.shuffle(shuffled)
    assert most_urgent(shuffled, SEOUL_CITY.ranks) == lead
