"""What the law allows: the gate of the cities, rule by rule, and that silence is a denial."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.rules.policy import Policy
from pipeline.rules.policy_fields import PolicyFields
from pipeline.rules.purpose import NO_RULE, purpose_gate_from
from schemas.camera import CameraPurpose
from schemas.case_state import CaseReport
from schemas.incident import Service
from tests.pipeline.rules.test_ranking import a_report
from tests.support.policies import DEMO, SEOUL_CITY

# 112 may look through a city's cameras for seven kinds of crime (the child-abuse and domestic-violence codes make two
# of one) and for urgency C0 and C1.
CRIMES = ["murder", "robbery", "snatch", "theft", "abduction", "sexual-violence", "domestic-violence", "child-abuse"]
both_cities = pytest.mark.parametrize("policy", [DEMO, SEOUL_CITY], ids=["demo", "seoul"])


@both_cities
@pytest.mark.parametrize("kind", CRIMES)
@pytest.mark.parametrize("urgency", ["C0", "C2", "C3", None])
def test_police_may_look_for_the_serious_crimes_at_any_urgency_but_the_last(
    policy: Policy, kind: str, urgency: str | None
) -> None:
    permission = policy.gate.permission(a_report(kind=kind, urgency_native=urgency))
    assert permission.allowed
    assert (permission.purpose, permission.legal_basis) == ("serious-crime", "PIPA18-2-3")
    assert CameraPurpose.CRIME_PREVENTION in permission.camera_purposes


@both_cities
@pytest.mark.parametrize("purpose", ["waste", "traffic-enforcement", "disaster"])
def test_cameras_set_up_for_other_ends_are_not_lent_to_crime_cases(policy: Policy, purpose: str) -> None:
    assert purpose not in policy.gate.permission(a_report(kind="robbery")).camera_purposes


@both_cities
@pytest.mark.parametrize("urgency", ["C0", "C1"])
def test_police_may_look_for_any_kind_that_is_urgent(policy: Policy, urgency: str) -> None:
    permission = policy.gate.permission(a_report(kind="brawl", urgency_native=urgency))
    assert (permission.allowed, permission.purpose) == (True, "urgent-protection")


@both_cities
@pytest.mark.parametrize("urgency", ["C2", "C3", None])
def test_police_may_not_look_for_other_kinds_without_urgency(policy: Policy, urgency: str | None) -> None:
    permission = policy.gate.permission(a_report(kind="brawl", urgency_native=urgency))
    assert (permission.allowed, permission.reason) == (False, "outside-the-seven-crimes")
    assert (permission.purpose, permission.legal_basis) == (None, None)


@both_cities
@pytest.mark.parametrize("kind", [*CRIMES, "missing-child", "complaint"])
def test_c4_is_denied_whatever_the_kind(policy: Policy, kind: str) -> None:
    permission = policy.gate.permission(a_report(kind=kind, urgency_native="C4"))
    assert (permission.allowed, permission.reason) == (False, "not-urgent")


@both_cities
@pytest.mark.parametrize("service", ["police", "child", "fire"])
@pytest.mark.parametrize("kind", ["missing-child", "missing-person"])
def test_missing_people_are_looked_for_through_every_camera(policy: Policy, service: str, kind: str) -> None:
    permission = policy.gate.permission(a_report(service=service, kind=kind, urgency_native="C3"))
    assert (permission.allowed, permission.legal_basis) == (True, "LOC29")
    assert permission.camera_purposes == frozenset()


@both_cities
@pytest.mark.parametrize(
    ("service", "kind", "purpose", "legal_basis"),
    [
        ("fire", "structure-fire", "fire-and-rescue", "PIPA18-2-3"),
        ("fire", "ems", "fire-and-rescue", "PIPA18-2-3"),
        ("disaster", "flood", "disaster-response", "DISASTER"),
        ("dementia", "safe-zone-exit", "find-missing-person", "LOC29"),
        ("dementia", "sos", "find-missing-person", "LOC29"),
        ("traffic", "collision", "traffic-accident", "PIPA18-2-3"),
    ],
)
def test_other_services_may_look_for_what_is_theirs(
    policy: Policy, service: str, kind: str, purpose: str, legal_basis: str
) -> None:
    permission = policy.gate.permission(a_report(service=service, kind=kind))
    assert (permission.allowed, permission.purpose, permission.legal_basis) == (True, purpose, legal_basis)


@both_cities
@pytest.mark.parametrize(
    ("service", "kind", "reason"),
    [
        ("dementia", "low-battery", "no-danger-yet"),
        ("fire", "wrong-number", "not-urgent"),
        ("fire", "advice", "not-urgent"),
        ("other", "anything", NO_RULE),
        ("a-service-of-tomorrow", "anything", NO_RULE),
    ],
)
def test_what_is_no_danger_or_no_rule_speaks_of_is_denied_with_the_reason(
    policy: Policy, service: str, kind: str, reason: str
) -> None:
    permission = policy.gate.permission(a_report(service=service, kind=kind))
    assert (permission.allowed, permission.reason) == (False, reason)


def test_a_gate_without_rules_denies_everything() -> None:
    assert purpose_gate_from(PolicyFields("purposes.toml", {})).permission(a_report()).reason == NO_RULE


def test_the_first_rule_wins_even_when_a_later_one_would_allow() -> None:
    rules: list[dict[str, Any]] = [
        {"decision": "deny", "reason": "no", "services": ["police"]},
        {"decision": "allow", "purpose": "p", "legal_basis": "L", "camera_purposes": ["any"]},
    ]
    gate = purpose_gate_from(PolicyFields("purposes.toml", {"rule": rules}))
    assert gate.permission(a_report()).reason == "no"
    assert gate.permission(a_report(service="iot")).purpose == "p"


@both_cities
@given(
    service=st.sampled_from([*Service, "new"]), kind=st.sampled_from([*CRIMES, "sos", "low-battery", "ems", "x"]),
    urgency=st.sampled_from([None, "C0", "C1", "C2", "C3", "C4", "level-2"]),
)  # fmt: skip
def test_whoever_is_allowed_has_a_purpose_and_a_basis_and_whoever_is_denied_has_a_reason(
    policy: Policy, service: str, kind: str, urgency: str | None
) -> None:
    report: CaseReport = a_report(service=service, kind=kind, urgency_native=urgency)
    permission = policy.gate.permission(report)
    if permission.allowed:
        assert permission.purpose
        assert permission.legal_basis in {"PIPA18-2-3", "LOC29", "DISASTER"}
        assert permission.reason is None
    else:
        assert permission.reason
        assert (permission.purpose, permission.legal_basis) == (None, None)
