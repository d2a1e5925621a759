"""The chain of access decisions: each record seals the one before it, so that none can be changed or taken out unseen.

Canonical form of a record: its fields except ``hash`` and ``previous_hash``, without those that have their schema's
default, as JSON in ASCII with sorted names and without spaces. Leaving defaults out keeps old hashes true when the
schema grows. ``hash`` is SHA-256, in hex, over ``previous_hash``, a line feed and the canonical form.

Versions of assignments and views that were asked for share the chain, in the order in which they were read and decided.
``audit_check`` checks a chain, ``view_check`` the views in it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from schemas.access_audit import AccessAudit, AuditAction
from schemas.camera_assignment import CameraAssignment, CaseStatus
from schemas.view_session import ViewResult, ViewSession

NO_HASH = "0" * 64
ENGINE = "engine"
# Who asked for a view where the agency did not say which operator.
AGENCY = "agency"


@dataclass(frozen=True, slots=True)
class AuditChain:
    """The end of one partition's chain: the sequence and hash of its newest record."""

    sequence: int = 0
    last_hash: str = NO_HASH

    @classmethod
    def after(cls, record: AccessAudit) -> "AuditChain":
        """Return the chain whose newest record this is."""
        return cls(record.sequence, record.hash)


def record_of(
    assignment: CameraAssignment, before: CameraAssignment | None, actor: str, chain: AuditChain
) -> AccessAudit:
    """Return what a version of a case means for access, sealed as the next record of a chain.

    Args:
        assignment: the version.
        before: the version before it, where it is at hand: tells a renewal from a change of who may look and why. What
            cameras were added and released the version says itself.
        actor: who decided: ``engine``, or the pseudonym of the operator whose order it followed.
        chain: the end of the partition's chain; the next is ``AuditChain.after`` the record.
    """
    may_look = bool(assignment.cameras)
    # All views that a version ends, end at the same moment.
    ending = {camera.camera_id: camera.until_us for camera in assignment.cameras if camera.until_us is not None}
    values: dict[str, Any] = {
        "event_id": assignment.event_id,
        "sequence": chain.sequence + 1,
        "action": _action(assignment, before),
        "actor": actor,
        "case_id": assignment.case_id,
        "version": assignment.version,
        "exercise": assignment.exercise,
        "recipients": assignment.recipients if may_look else (),
        "camera_ids": tuple(sorted(camera.camera_id for camera in assignment.cameras)),
        "added": assignment.added,
        "released": assignment.released,
        "ending": tuple(sorted(ending)),
        "ending_until_us": max(ending.values(), default=None),
        "purpose": assignment.purpose,
        "legal_basis": assignment.legal_basis,
        "masking_required": assignment.masking_required,
        "reason": assignment.reason,
        "from_us": assignment.valid_from_us,
        "until_us": assignment.valid_until_us,
        "policy_version": assignment.policy_version,
    }
    return _sealed(values, chain)


def view_record_of(view: ViewSession, appended_us: int, policy_version: str, chain: AuditChain) -> AccessAudit:
    """Return a view that was asked for, sealed as the next record of a chain; it grants and releases nothing.

    A view that is delivered twice gives two records with the same event_id: none is left out, whatever was remembered.

    Args:
        view: the request for a link, given or refused.
        appended_us: when its record stood on its topic, UTC microseconds by the broker's clock; before that no
            link goes out.
        policy_version: version of the city's policy.
        chain: as for ``record_of``.
    """
    is_issued = view.result == ViewResult.ISSUED
    values: dict[str, Any] = {
        **_DEFAULTS,
        "event_id": view.event_id,
        "sequence": chain.sequence + 1,
        "action": AuditAction.VIEW if is_issued else AuditAction.VIEW_REFUSED,
        "actor": view.actor_ref or AGENCY,
        "case_id": view.case_id,
        "version": view.version or 0,
        "exercise": view.exercise,
        "recipients": (view.agency,),
        "camera_ids": (view.camera_id,),
        "purpose": view.purpose,
        "legal_basis": view.legal_basis,
        "masking_required": view.masking_required,
        "reason": view.reason,
        "from_us": appended_us,
        "until_us": view.until_us if is_issued and view.until_us is not None else appended_us,
        "policy_version": policy_version,
    }
    return _sealed(values, chain)


def hash_of(record: AccessAudit) -> str:
    """Return the hash that a record must have, hex."""
    return _seal(record.previous_hash, _sealed_values(record))


def canonical(record: AccessAudit) -> str:
    """Return the canonical form of a record, as the module's text describes it."""
    return _canonical(_sealed_values(record))


def _sealed(values: Mapping[str, Any], chain: AuditChain) -> AccessAudit:
    return AccessAudit(previous_hash=chain.last_hash, hash=_seal(chain.last_hash, values), **values)


def _seal(previous_hash: str, values: Mapping[str, Any]) -> str:
    return hashlib.sha256(f"{previous_hash}\n{_canonical(values)}".encode()).hexdigest()


def _canonical(values: Mapping[str, Any]) -> str:
    told = {name: value for name, value in values.items() if name not in _DEFAULTS or value != _DEFAULTS[name]}
    return _JSON.encode(told)


def _sealed_values(record: AccessAudit) -> dict[str, Any]:
    return {name: getattr(record, name) for name in _SEALED}


# One encoder for all: making one takes longer than encoding a record.
_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
_SEALED = tuple(f.name for f in fields(AccessAudit) if f.name not in ("hash", "previous_hash"))
_DEFAULTS = {f.name: f.default for f in fields(AccessAudit) if f.default is not MISSING}


def _action(assignment: CameraAssignment, before: CameraAssignment | None) -> AuditAction:
    ends = {CaseStatus.DENIED: AuditAction.DENY, CaseStatus.RELEASED: AuditAction.RELEASE}
    if assignment.status in ends:
        return ends[CaseStatus(assignment.status)]
    if assignment.added or assignment.released:
        is_first = not assignment.kept and not assignment.released
        return AuditAction.GRANT if is_first else AuditAction.CHANGE
    if before is not None and _terms(before) != _terms(assignment):
        return AuditAction.CHANGE
    # Without cameras nobody may look, and there is nothing to renew: waiting, or needing a location.
    return AuditAction.RENEW if assignment.cameras else AuditAction.OTHER


def _terms(assignment: CameraAssignment) -> tuple[object, ...]:
    return assignment.recipients, assignment.purpose, assignment.legal_basis, assignment.masking_required
