"""The chain of access decisions: what a version means for access, and that nothing is changed or taken out unseen."""

import hashlib
import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.decisions import audit
from pipeline.decisions.audit import (
    ENGINE,
    NO_HASH,
    AuditChain,
    ChainCheck,
    Finding,
    canonical,
    hash_of,
    record_of,
    verify,
)
from schemas.access_audit import AccessAudit
from schemas.camera_assignment import AssignedCamera, CameraAssignment
from schemas.codec import decode, encode
from tests.support.records import T0_US


def a_version(version: int = 1, cameras: str = "ab", before: str = "", **changes: Any) -> CameraAssignment:
    """Return a version with cameras named by letters, after one with others."""
    usual: dict[str, Any] = {
        "case_id": "i",
        "opened_us": T0_US,
        "version": version,
        "event_id": f"i/{T0_US}/{version}",
        "status": "active" if cameras else "waiting",
        "reason": "reported",
        "exercise": False,
        "services": ("police",),
        "kind": "robbery",
        "rank": 0,
        "occurred_us": T0_US,
        "decided_us": T0_US,
        "valid_from_us": T0_US + version,
        "valid_until_us": T0_US + 900,
        "purpose": "serious-crime",
        "legal_basis": "PIPA18-2-3",
        "recipients": ("police:112",),
        "cameras": tuple(_camera(letter) for letter in cameras),
        "added": tuple(sorted(set(cameras) - set(before))),
        "kept": tuple(sorted(set(cameras) & set(before))),
        "released": tuple(sorted(set(before) - set(cameras))),
        "policy_version": "demo-1",
        "camera_table_version": "cameras@1/health@1",
    }
    return CameraAssignment(**{**usual, **changes})


def _camera(camera_id: str) -> AssignedCamera:
    return AssignedCamera(
        camera_id=camera_id, site_id="s", owner="o", role="view", rank=0, distance_m=1.0, bearing_deg=0.0,
        level="observe", p_view=0.5, since_us=T0_US,
    )  # fmt: skip


def a_chain(count: int = 8) -> list[AccessAudit]:
    records: list[AccessAudit] = []
    chain = AuditChain()
    for number in range(1, count + 1):
        records.append(record_of(a_version(number, case_id=f"case-{number % 3}"), None, ENGINE, chain))
        chain = AuditChain.after(records[-1])
    return records


def kinds(findings: tuple[Finding, ...]) -> list[tuple[str, int]]:
    return [(finding.kind, finding.sequence) for finding in findings]


def test_a_record_says_who_may_look_through_what_for_what_and_until_when() -> None:
    record = record_of(
        a_version(cameras="ba", masking_required=True, exercise=True), None, "op:7", AuditChain(4, "f" * 64)
    )
    assert (record.sequence, record.previous_hash, record.hash) == (5, "f" * 64, hash_of(record))
    assert (record.case_id, record.version, record.event_id) == ("i", 1, f"i/{T0_US}/1")
    assert (record.actor, record.exercise, record.masking_required) == ("op:7", True, True)
    assert (record.recipients, record.camera_ids, record.added) == (("police:112",), ("a", "b"), ("a", "b"))
    assert (record.purpose, record.legal_basis, record.reason) == ("serious-crime", "PIPA18-2-3", "reported")
    assert (record.from_us, record.until_us, record.policy_version) == (T0_US + 1, T0_US + 900, "demo-1")


def test_a_view_that_is_replaced_has_an_end_of_its_own() -> None:
    version = a_version(2, "ab", "c")
    ending = replace(_camera("c"), role="ending", until_us=T0_US + 6)
    record = record_of(replace(version, cameras=(*version.cameras, ending)), None, ENGINE, AuditChain())
    assert (record.camera_ids, record.until_us) == (("a", "b", "c"), T0_US + 900)
    assert (record.ending, record.ending_until_us) == (("c",), T0_US + 6)
    assert decode(AccessAudit, encode(record)) == record


def test_a_record_without_ending_views_has_the_hash_that_it_had_before_the_schema_told_of_them() -> None:
    assert "ending" not in canonical(a_chain(1)[0])


@pytest.mark.parametrize(
    ("version", "before", "action"),
    [
        (a_version(), None, "grant"),
        (a_version(2, "bc", "ab"), None, "change"),
        (a_version(2, "cd", "ab"), None, "change"),
        (a_version(2, "", "ab"), None, "change"),
        (a_version(2, "ab", "ab"), None, "renew"),
        (a_version(2, "ab", "ab"), a_version(), "renew"),
        (a_version(2, "ab", "ab", recipients=("fire:119", "police:112")), a_version(), "change"),
        (a_version(2, "", ""), None, "other"),
        (a_version(1, "", status="denied", purpose=None), None, "deny"),
        (a_version(2, "", "ab", status="denied"), None, "deny"),
        (a_version(2, "", "ab", status="released"), None, "release"),
    ],
)
def test_a_record_says_what_happened_to_the_access(
    version: CameraAssignment, before: CameraAssignment | None, action: str
) -> None:
    assert record_of(version, before, ENGINE, AuditChain()).action == action


def test_without_cameras_nobody_may_look_whoever_is_told_of_it() -> None:
    record = record_of(a_version(2, "", "ab", status="released"), None, ENGINE, AuditChain())
    assert (record.recipients, record.camera_ids, record.released) == ((), (), ("a", "b"))


def test_the_hash_is_what_the_text_says_so_that_anyone_can_check_it() -> None:
    record = a_chain(1)[0]
    told = {"action": "grant", "actor": "engine", "added": ["a", "b"], "camera_ids": ["a", "b"], "case_id": "case-1",
            "event_id": f"i/{T0_US}/1", "from_us": T0_US + 1, "legal_basis": "PIPA18-2-3", "policy_version": "demo-1",
            "purpose": "serious-crime", "reason": "reported", "recipients": ["police:112"], "sequence": 1,
            "until_us": T0_US + 900, "version": 1}  # fmt: skip
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    assert canonical(record) == text
    assert record.hash == hashlib.sha256(f"{NO_HASH}\n{text}".encode()).hexdigest()


def test_a_record_that_went_over_a_topic_still_seals() -> None:
    assert all(hash_of(decode(AccessAudit, encode(record))) == record.hash for record in a_chain())


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
    monkeypatch.setattr(audit, "FINDINGS_MAX", 5)
    monkeypatch.setattr(audit, "WINDOW", 3)
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
