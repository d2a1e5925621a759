"""The chain of access decisions: what a version means for access, and what a view that was asked for."""

import hashlib
import json
from dataclasses import replace
from io import BytesIO
from typing import Any

import fastavro
import pytest

from pipeline.decisions.audit import ENGINE, NO_HASH, AuditChain, canonical, hash_of, record_of, view_record_of
from schemas.access_audit import AccessAudit
from schemas.camera_assignment import AssignedCamera, CameraAssignment
from schemas.codec import decode, encode
from schemas.registry import newest_schema, published_schemas
from tests.support.records import T0_US, a_refused_view, a_view


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


def test_a_view_that_was_given_says_who_looked_through_what_by_which_version_and_until_when() -> None:
    view = a_view(version=3, actor_ref="op:9", masking_required=True, exercise=True)
    record = view_record_of(view, T0_US + 5, "demo-1", AuditChain(4, "f" * 64))
    assert (record.sequence, record.previous_hash, record.hash) == (5, "f" * 64, hash_of(record))
    assert (record.event_id, record.action, record.reason) == (view.event_id, "view", "assigned")
    assert (record.actor, record.recipients, record.camera_ids) == ("op:9", ("demo-112",), ("cam-1",))
    assert (record.case_id, record.version, record.exercise, record.masking_required) == ("inc-1", 3, True, True)
    assert (record.purpose, record.legal_basis, record.policy_version) == ("crime-prevention", "PIPA18-2-3", "demo-1")
    assert (record.from_us, record.until_us) == (T0_US + 5, view.until_us)
    assert (record.added, record.released, record.ending, record.ending_until_us) == ((), (), (), None)
    assert decode(AccessAudit, encode(record)) == record


def test_a_view_that_was_refused_gives_nothing_and_ends_as_it_begins() -> None:
    record = view_record_of(a_refused_view(agency="unknown"), T0_US + 5, "demo-1", AuditChain())
    assert (record.action, record.reason, record.actor) == ("view-refused", "no-such-case", "agency")
    assert (record.case_id, record.version, record.recipients) == ("unknown", 0, ("unknown",))
    assert (record.purpose, record.legal_basis, record.from_us, record.until_us) == (None, None, T0_US + 5, T0_US + 5)
    assert decode(AccessAudit, encode(record)) == record


def test_who_reads_by_an_older_schema_reads_views_too() -> None:
    record = view_record_of(a_view(), T0_US, "demo-1", AuditChain())
    for version in (1, 2):
        older = next(s for s in published_schemas().values() if (s.record, s.version) == ("AccessAudit", version))
        body = BytesIO(encode(record)[5:])
        newest = dict(newest_schema("AccessAudit").schema)
        read: Any = fastavro.schemaless_reader(body, newest, dict(older.schema))
        assert (read["action"], read["recipients"], read["camera_ids"]) == ("view", ["demo-112"], ["cam-1"])
