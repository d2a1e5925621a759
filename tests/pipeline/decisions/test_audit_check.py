"""Nothing is changed, taken out or put elsewhere in a chain of access decisions without being found."""

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.decisions import audit_check
from pipeline.decisions.audit import AuditChain, hash_of
from pipeline.decisions.audit_check import ChainCheck, Finding, verify
from schemas.access_audit import AccessAudit
from tests.pipeline.decisions.test_audit import a_chain


def kinds(findings: tuple[Finding, ...]) -> list[tuple[str, int]]:
    return [(finding.kind, finding.sequence) for finding in findings]


def test_a_whole_chain_has_no_findings_and_tells_its_end() -> None:
    check = ChainCheck()
    for record in (records := a_chain()):
        check.take(record)
    assert check.findings() == ()
    assert (check.records, check.first, check.last) == (8, 1, AuditChain.after(records[-1]))
    assert verify([]) == ()


CHANGES: dict[str, Any] = {
    "event_id": "x", "action": "renew", "actor": "op:1", "case_id": "x", "version": 99, "exercise": True,
    "recipients": (), "camera_ids": ("a",), "added": (), "released": ("z",),
    "ending": ("a",), "ending_until_us": 1, "purpose": None, "legal_basis": None,
    "masking_required": True, "reason": "x", "from_us": 1, "until_us": 1, "policy_version": "x",
    "hash": "e" * 64, "previous_hash": "e" * 64,
}  # fmt: skip


def test_every_field_but_the_place_can_be_changed_in_these_tests() -> None:
    assert {f.name for f in fields(AccessAudit)} - CHANGES.keys() == {"sequence"}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("place", [0, 3, 7])
def test_a_changed_field_is_found(name: str, place: int) -> None:
    records = a_chain()
    records[place] = replace(records[place], **{name: CHANGES[name]})
    assert ("changed", place + 1) in kinds(verify(records))


@pytest.mark.parametrize("place", [0, 3])
def test_a_changed_record_that_was_sealed_anew_is_found_by_the_one_after_it(place: int) -> None:
    records = a_chain()
    forged = replace(records[place], camera_ids=("z",))
    records[place] = replace(forged, hash=hash_of(forged))
    assert kinds(verify(records)) == [("changed", place + 2)]


def test_a_chain_written_anew_is_found_by_a_hash_that_was_kept_elsewhere() -> None:
    records, chain, forged = a_chain(), AuditChain(), []
    for record in records:
        anew = replace(record, camera_ids=("z",), previous_hash=chain.last_hash)
        forged.append(replace(anew, hash=hash_of(anew)))
        chain = AuditChain.after(forged[-1])
    assert verify(forged) == ()
    assert kinds(verify(forged, {5: records[4].hash})) == [("changed", 5)]
    assert verify(records, {5: records[4].hash}) == ()


def test_a_cut_end_is_found_by_a_hash_that_was_kept_elsewhere() -> None:
    records = a_chain()
    assert verify(records[:6]) == ()
    assert kinds(verify(records[:6], {8: records[7].hash})) == [("missing", 8)]
    assert kinds(verify([], {8: records[7].hash})) == [("missing", 8)]


def test_missing_records_are_found_as_ranges() -> None:
    records = a_chain(10)
    left = [r for r in records if r.sequence not in (3, 6, 7)]
    findings = verify(left)
    assert kinds(findings) == [("missing", 3), ("missing", 6)]
    assert findings[1].message == "2 records are missing, up to 7"


def test_records_in_another_order_are_found_and_not_called_missing() -> None:
    records = a_chain()
    records[2], records[4] = records[4], records[2]
    assert {kind for kind, _ in kinds(verify(records))} == {"reordered"}
    assert kinds(verify(list(reversed(a_chain(2))))) == [("reordered", 1), ("begins-later", 2)]


def test_an_exact_repeat_is_told_and_tolerated() -> None:
    records = a_chain()
    check = ChainCheck()
    for record in [*records[:5], *records[3:]]:
        check.take(record)
    (finding,) = check.findings()
    assert (finding.kind, finding.is_fault, check.repeats, check.faults) == ("repeated", False, 2, 0)


def test_two_different_records_of_one_place_are_a_fault() -> None:
    records = a_chain()
    forged = replace(records[3], reason="x")
    assert ("changed", 4) in kinds(verify([*records[:4], replace(forged, hash=hash_of(forged)), *records[4:]]))


def test_a_chain_whose_beginning_is_past_its_keeping_is_told_and_whole() -> None:
    records = a_chain()
    (finding,) = verify(records[3:], {1: records[0].hash})
    assert (finding.kind, finding.sequence, finding.is_fault) == ("begins-later", 4, False)


def test_findings_and_memory_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_check, "FINDINGS_MAX", 5)
    monkeypatch.setattr(audit_check, "WINDOW", 3)
    check = ChainCheck()
    for record in a_chain(60):
        check.take(record if record.sequence % 3 else replace(record, reason="x"))
    assert len(check.findings()) == 5
    assert check.faults == 20
    assert len(check._seals) <= 3


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["change", "drop", "swap"]), st.integers(0, 9)), min_size=1, max_size=3))
def test_whatever_is_done_to_a_chain_but_taking_off_its_beginning_is_found(deeds: list[tuple[str, int]]) -> None:
    original = a_chain(12)
    records = list(original)
    for deed, wanted in deeds:
        place = min(wanted, len(records) - 2)
        if deed == "change":
            records[place] = replace(records[place], until_us=records[place].until_us + 1)
        elif deed == "drop" and place:
            del records[place]
        else:
            records[place], records[place + 1] = records[place + 1], records[place]
    is_whole = records == original[len(original) - len(records) :]
    assert any(f.is_fault for f in verify(records, {12: original[-1].hash})) != is_whole
