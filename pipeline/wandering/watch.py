"""What a partition knows of people under protection: registrations, and what is remembered of those who are out."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pipeline.errors import RuleBrokenError
from pipeline.rules.policy import US_PER_S, Policy
from pipeline.wandering.findings import Finding, Fix
from pipeline.wandering.outing import after_fix, aged, ages_us, without_trail
from pipeline.wandering.protection import Protection, check_registration, protection_of
from pipeline.wandering.silence import Deadlines, no_contact, settled, silenced, silent_from_us
from schemas.codec import decode, encode
from schemas.errors import RecordDecodeError
from schemas.location import Location, LocationQuality
from schemas.protected_subject import ProtectedSubject
from schemas.wandering_alert import DETECTION, WanderingAlert
from schemas.wandering_state import WanderingState

# When a network is down all who are out fall silent at once: what a tick leaves over the next ones tell.
SILENCES_PER_TICK = 400


class Watch:
    """Registrations and memories of one partition, by case_id as UTF-8 bytes.

    Nothing is kept of people who are not registered, and of those who are only while they are out.
    """

    def __init__(self) -> None:
        self.protections: dict[bytes, Protection] = {}
        self.memories: dict[bytes, WanderingState] = {}
        self._changed: dict[bytes, None] = {}
        # Heard since the last tick: when they must be looked at is reckoned once a tick, and not for every fix.
        self._heard: dict[bytes, None] = {}
        self._deadlines = Deadlines()
        self._ageing = Deadlines()

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
        found = [decode(WanderingState, value) for value in memories]
        self.memories = {memory.case_id.encode(): memory for memory in found}
        self._heard = dict.fromkeys(self.memories)

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
        return [_alert(protection.subject, finding, fix, min(fix.fix_us, fix.now_us)) for finding in findings]

    def fallen_silent(self, now_us: int, policy: Policy) -> list[WanderingAlert]:
        """Return the alerts about people who are out and have fallen silent by now; each silence is told of once.

        What an alert says is of the moment at which the silence was due, whenever the tick comes.
        """
        self._note_heard(policy)
        alerts: list[WanderingAlert] = []
        while len(alerts) < SILENCES_PER_TICK and (due := self._deadlines.take(now_us)) is not None:
            when_us, key = due
            if self._expect(key, policy, unless_us=when_us):
                alerts += self._silence(key, when_us, now_us, policy)
        return alerts

    def forget_places(self, key: bytes, *, keeps_newest: bool, is_settled: bool) -> None:
        """Forget where a person went; that an alert was told of the outing stays.

        Args:
            key: of the person.
            keeps_newest: whether the newest place stays until the silence after it is told of, or the way's age.
            is_settled: whether people have ended the case: of this outing no silence is told of any more.
        """
        memory = self.memories.get(key)
        if memory is None:
            return
        left = without_trail(settled(memory) if is_settled else memory, keeps_newest=keeps_newest)
        if left is not memory:
            self._remember(key, left, heard=False)

    def forget_due(self, now_us: int, policy: Policy) -> None:
        """Forget what is remembered longer than the policy allows. What a fix decides does not depend on when."""
        self._note_heard(policy)
        while (due := self._ageing.take(now_us)) is not None:
            key = due[1]
            memory = self.memories.get(key)
            left = None if memory is None else aged(memory, now_us, policy)
            if left is not memory:
                self._remember(key, left, heard=False)
            if left is not None:
                self._ageing.look_at(key, ages_us(left, now_us, policy))

    def changed_rows(self) -> list[tuple[bytes, bytes | None]]:
        """Return (key, wire value) of what changed since the last call, None for what was forgotten."""
        rows = [(key, self._row(key)) for key in self._changed]
        self._changed.clear()
        return rows

    def _note_heard(self, policy: Policy) -> None:
        """Set when those who were heard since the last tick must be looked at."""
        least_us = int(policy.wandering.no_contact_s * US_PER_S)
        for key in self._heard:
            memory = self.memories.get(key)
            if memory is None:
                continue
            # No silence is due earlier than this after a fix, and whoever is looked at too early is looked at again.
            if not self._deadlines.has(key, memory.heard_us + least_us):
                self._expect(key, policy)
            ages = ages_us(memory, memory.heard_us, policy)
            if not self._ageing.has(key, ages):
                self._ageing.look_at(key, ages)
        self._heard.clear()

    def _expect(self, key: bytes, policy: Policy, *, unless_us: int | None = None) -> bool:
        """Set the moment at which a person will have fallen silent, if there is one; return whether it is this one."""
        memory = self.memories.get(key)
        when_us = None if memory is None else silent_from_us(memory, policy.wandering)
        if when_us is None:
            return False
        if when_us != unless_us:
            self._deadlines.look_at(key, when_us)
        return when_us == unless_us

    def _silence(self, key: bytes, due_us: int, now_us: int, policy: Policy) -> list[WanderingAlert]:
        """Return the alert about a silence and remember that it was told; none if the registration has ended."""
        memory, protection = self.memories[key], self.protections.get(key)
        if memory.newest is None or protection is None or not protection.holds(due_us):
            self._remember(key, None)
            return []
        newest, finding = memory.newest, no_contact(memory, due_us, policy)
        self._remember(key, silenced(memory), heard=False)
        last_us = min(newest.fix_us, memory.heard_us)
        fix = Fix(newest.fix_us, now_us, newest.lat_deg, newest.lon_deg, newest.accuracy_m)
        return [replace(_alert(protection.subject, finding, fix, last_us), observed_us=due_us)]

    def _row(self, key: bytes) -> bytes | None:
        memory = self.memories.get(key)
        return None if memory is None else encode(memory)

    def _remember(self, key: bytes, memory: WanderingState | None, *, heard: bool = True) -> None:
        if memory is None:
            if self.memories.pop(key, None) is None:
                return
        else:
            self.memories[key] = memory
            if heard:
                self._heard[key] = None
        self._changed[key] = None


def _alert(subject: ProtectedSubject, finding: Finding, fix: Fix, last_seen_us: int) -> WanderingAlert:
    return WanderingAlert(
        event_id=f"{DETECTION}/{subject.case_id}/{finding.kind}/{fix.fix_us}",
        source=DETECTION,
        observed_us=last_seen_us,
        ingested_us=fix.now_us,
        exercise=subject.exercise,
        case_id=subject.case_id,
        subject_ref=subject.subject_ref,
        kind=finding.kind,
        location=Location(
            lat_deg=fix.lat_deg, lon_deg=fix.lon_deg, accuracy_m=fix.accuracy_m, quality=LocationQuality.GPS
        ),
        last_seen_us=last_seen_us,
        hazards=subject.hazards,
        why=finding.why,
    )
