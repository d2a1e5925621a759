"""The chain of access decisions: each record seals the one before it, so that none can be changed or taken out unseen.

Canonical form of a record: its fields except ``hash`` and ``previous_hash``, without those that have their schema's
default, as JSON in ASCII with sorted names and without spaces. Leaving defaults out keeps old hashes true when the
schema grows. ``hash`` is SHA-256, in hex, over ``previous_hash``, a line feed and the canonical form.

What a chain alone cannot show: that its end was cut off, or that all of it was written anew. Whoever keeps a sequence
and its hash elsewhere can (see ``ChainCheck``).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from schemas.access_audit import AccessAudit, AuditAction
from schemas.camera_assignment import CameraAssignment, CaseStatus

NO_HASH = "0" * 64
ENGINE = "engine"
# So many of the newest records are remembered while checking, to tell a repeat from a record out of its place.
WINDOW = 100_000
FINDINGS_MAX = 1_000

CHANGED, MISSING_RECORDS, REORDERED, REPEATED, BEGINS_LATER = (
    "changed",
    "missing",
    "reordered",
    "repeated",
    "begins-later",
)
# Not a fault of the chain: exact repeats happen on brokers without transactions, and old records outlive their keeping.
TOLERATED = (REPEATED, BEGINS_LATER)


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
    return AccessAudit(previous_hash=chain.last_hash, hash=_seal(chain.last_hash, values), **values)


def hash_of(record: AccessAudit) -> str:
    """Return the hash that a record must have, hex."""
    return _seal(record.previous_hash, _sealed_values(record))


def canonical(record: AccessAudit) -> str:
    """Return the canonical form of a record, as the module's text describes it."""
    return _canonical(_sealed_values(record))


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


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, or worth knowing, at one place of a chain.

    Attributes:
        kind: ``changed``, ``missing``, ``reordered``; ``repeated`` and ``begins-later`` are tolerated.
        sequence: the record's place in the chain; for missing ones the first.
        message: what was found, without anything of the record's contents.
    """

    kind: str
    sequence: int
    message: str

    @property
    def is_fault(self) -> bool:
        """Return whether the chain is broken by it."""
        return self.kind not in TOLERATED


class ChainCheck:
    """Checks one partition's chain record by record, in bounded memory.

    Args:
        known: hashes kept elsewhere by sequence; each must be found in the chain, unless it lies before its beginning.

    Attributes:
        records: how many were taken.
        first: lowest sequence; 0 before the first record.
        last: end of the chain so far.
        faults: how many findings are faults, counted by ``findings``; at most ``FINDINGS_MAX`` are given.
        repeats: how many were exact repeats.
    """

    def __init__(self, known: Mapping[int, str] | None = None) -> None:
        self.records = 0
        self.first = 0
        self.last = AuditChain()
        self.faults = 0
        self.repeats = 0
        self._findings: list[Finding] = []
        self._left_out = 0
        self._seals: dict[int, tuple[str, str]] = {}  # (previous hash, hash) of the newest records, in order of arrival
        self._gaps: list[tuple[int, int]] = []  # first and last sequence of what has not been seen
        self._known = dict(known or {})

    def take(self, record: AccessAudit) -> None:
        """Check the next record as it lies in the partition."""
        self.records += 1
        sequence = record.sequence
        seal, is_sealed = (record.previous_hash, record.hash), hash_of(record) == record.hash
        if is_sealed and self._seals.get(sequence) == seal:
            self.repeats += 1
            if self.repeats == 1:
                self._note(Finding(REPEATED, sequence, "written more than once, as without transactions; tolerated"))
            return
        if not is_sealed:
            self._note(Finding(CHANGED, sequence, "its contents are not those that were sealed"))
        if sequence in self._seals:
            self._note(Finding(CHANGED, sequence, "there are two different records of this place"))
            return
        self._find_place(sequence)
        self._seals[sequence] = seal
        self._check_links(sequence)
        self._check_known(record)
        if len(self._seals) > WINDOW:
            del self._seals[next(iter(self._seals))]
        if sequence > self.last.sequence:
            self.last = AuditChain.after(record)

    def findings(self) -> tuple[Finding, ...]:
        """Return what was found, by place in the chain; call it after the last record."""
        missing = [
            Finding(MISSING_RECORDS, first, f"{last - first + 1} records are missing, up to {last}")
            for first, last in self._gaps
        ]
        cut = [
            Finding(MISSING_RECORDS, sequence, "a record whose hash was kept elsewhere is missing")
            for sequence in self._known
            if sequence >= self.first
        ]
        self.faults = sum(f.is_fault for f in self._findings) + len(missing) + len(cut) + self._left_out
        every = [*self._findings, *missing, *cut]
        return tuple(sorted(every, key=lambda f: (f.sequence, f.kind)))[:FINDINGS_MAX]

    def _find_place(self, sequence: int) -> None:
        if self.records == 1:
            self.first = sequence
            if sequence > 1:
                text = "older records are gone, as after the time they are kept; what they were cannot be checked"
                self._note(Finding(BEGINS_LATER, sequence, text))
        elif sequence <= self.last.sequence:
            self.first = min(self.first, sequence)
            self._note(Finding(REORDERED, sequence, f"it lies after record {self.last.sequence}"))
            self._gaps = [part for gap in self._gaps for part in _without(gap, sequence)]
        elif sequence > self.last.sequence + 1:
            if len(self._gaps) < FINDINGS_MAX:
                self._gaps.append((self.last.sequence + 1, sequence - 1))
            else:
                self._left_out += 1

    def _check_links(self, sequence: int) -> None:
        """Check that a record seals the one before it, and the one after it this one, as far as they are known."""
        previous, own = self._seals[sequence]
        before = ("", NO_HASH) if sequence == 1 else self._seals.get(sequence - 1)
        after = self._seals.get(sequence + 1)
        text = "it does not seal the record before it: one of both was changed"
        if before is not None and before[1] != previous:
            self._note(Finding(CHANGED, sequence, text))
        if after is not None and after[0] != own:
            self._note(Finding(CHANGED, sequence + 1, text))

    def _check_known(self, record: AccessAudit) -> None:
        kept = self._known.pop(record.sequence, None)
        if kept is not None and kept != record.hash:
            self._note(Finding(CHANGED, record.sequence, "its hash is not the one that was kept elsewhere"))

    def _note(self, finding: Finding) -> None:
        if len(self._findings) < FINDINGS_MAX:
            self._findings.append(finding)
        else:
            self._left_out += finding.is_fault


def verify(records: Iterable[AccessAudit], known: Mapping[int, str] | None = None) -> tuple[Finding, ...]:
    """Return what is wrong with one partition's records as they lie there; empty for a whole chain.

    Args:
        records: in order of their offsets.
        known: hashes kept elsewhere by sequence.
    """
    check = ChainCheck(known)
    for record in records:
        check.take(record)
    return check.findings()


def _without(gap: tuple[int, int], sequence: int) -> list[tuple[int, int]]:
    """Return what is left of a gap when one of it is found."""
    first, last = gap
    if not first <= sequence <= last:
        return [gap]
    return [part for part in ((first, sequence - 1), (sequence + 1, last)) if part[0] <= part[1]]
