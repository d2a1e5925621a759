"""What a partition knows of people under protection: registrations, and what is remembered of those who are out."""

from collections.abc import Iterable, Mapping

from pipeline.errors import RuleBrokenError
from pipeline.rules.policy import US_PER_S, Policy
from pipeline.wandering.outing import Finding, Fix, after_fix, aged, without_trail
from pipeline.wandering.protection import Protection, check_registration, protection_of
from schemas.codec import decode, encode
from schemas.errors import RecordDecodeError
from schemas.location import Location, LocationQuality
from schemas.protected_subject import ProtectedSubject
from schemas.wandering_alert import DETECTION, WanderingAlert
from schemas.wandering_state import WanderingState


class Watch:
    """Registrations and memories of one partition, by case_id as UTF-8 bytes.

    Nothing is kept of people who are not registered, and of those who are only while they are out.
    """

    def __init__(self) -> None:
        self.protections: dict[bytes, Protection] = {}
        # In order of the newest fix, the longest silent first, so that forgetting looks at the first ones only.
        self.memories: dict[bytes, WanderingState] = {}
        self._changed: dict[bytes, None] = {}

    def restore(self, registrations: Mapping[bytes, bytes], memories: Iterable[bytes]) -> None:
        """Take over what the topics hold.

        Args:
            registrations: newest registration of each key in the wire format; those that are of no use are left out.
            memories: rows of the internal topic in the wire format.

        Raises:
            RecordDecodeError: a memory does not decode; its topic is internal, so that is damage and no bad input.
        """
        for key, value in registrations.items():
            try:
                subject = decode(ProtectedSubject, value)
                check_registration(subject)
            except (RecordDecodeError, RuleBrokenError):
                continue  # its dead letter was written when it was read first
            if subject.case_id.encode() == key:
                self.protections[key] = protection_of(subject)
        found = sorted((decode(WanderingState, value) for value in memories), key=lambda m: (m.heard_us, m.case_id))
        self.memories = {memory.case_id.encode(): memory for memory in found}

    def register(self, subject: ProtectedSubject) -> None:
        """Take a registration that was checked; the newest of a person counts."""
        self.protections[subject.case_id.encode()] = protection_of(subject)

    def end(self, key: bytes) -> bool:
        """Forget a registration and all that was remembered; return whether there was one."""
        self._remember(key, None)
        return self.protections.pop(key, None) is not None

    def take(self, key: bytes, fix: Fix, policy: Policy, *, exercise: bool) -> list[WanderingAlert]:
        """Take a fix of a person who is registered; return the alerts that it leads to."""
        protection = self.protections[key]
        if not protection.holds(fix.now_us):
            self._remember(key, None)
            return []
        if protection.subject.exercise != exercise:
            return []
        before = self.memories.get(key)
        memory, findings = after_fix(before, protection, fix, policy)
        if memory is not before:
            self._remember(key, memory)
        return [_alert(protection.subject, finding, fix) for finding in findings]

    def forget_trail(self, key: bytes) -> None:
        """Forget where a person went; that an alert was told of the outing stays."""
        memory = self.memories.get(key)
        if memory is not None and memory.trail:
            self._remember(key, without_trail(memory), moves=False)

    def forget_due(self, now_us: int, policy: Policy) -> None:
        """Forget what is remembered longer than the policy allows. What a fix decides does not depend on when."""
        due: list[tuple[bytes, WanderingState | None]] = []
        for key, memory in self.memories.items():
            left = aged(memory, now_us, policy)
            if left is not memory:
                due.append((key, left))
            elif not _is_silent(memory, now_us, policy):
                break
        for key, left in due:
            self._remember(key, left, moves=False)

    def changed_rows(self) -> list[tuple[bytes, bytes | None]]:
        """Return (key, wire value) of what changed since the last call, None for what was forgotten."""
        rows = [(key, self._row(key)) for key in self._changed]
        self._changed.clear()
        return rows

    def _row(self, key: bytes) -> bytes | None:
        memory = self.memories.get(key)
        return None if memory is None else encode(memory)

    def _remember(self, key: bytes, memory: WanderingState | None, *, moves: bool = True) -> None:
        if memory is None:
            if self.memories.pop(key, None) is None:
                return
        elif moves:
            self.memories.pop(key, None)
            self.memories[key] = memory
        else:
            self.memories[key] = memory
        self._changed[key] = None


def _is_silent(memory: WanderingState, now_us: int, policy: Policy) -> bool:
    return now_us - memory.heard_us > policy.wandering.memory_s * US_PER_S


def _alert(subject: ProtectedSubject, finding: Finding, fix: Fix) -> WanderingAlert:
    return WanderingAlert(
        event_id=f"{DETECTION}/{subject.case_id}/{finding.kind}/{fix.fix_us}",
        source=DETECTION,
        observed_us=min(fix.fix_us, fix.now_us),
        ingested_us=fix.now_us,
        exercise=subject.exercise,
        case_id=subject.case_id,
        subject_ref=subject.subject_ref,
        kind=finding.kind,
        location=Location(
            lat_deg=fix.lat_deg, lon_deg=fix.lon_deg, accuracy_m=fix.accuracy_m, quality=LocationQuality.GPS
        ),
        last_seen_us=min(fix.fix_us, fix.now_us),
        hazards=subject.hazards,
        why=finding.why,
    )
