"""A list that names everybody: who is left out of it is ended, if it can be believed. Pure.

To lose protection by half a file is the worst that can happen here, so every doubt is for the person:

- Only who this list itself stated last can be left out of it; whom another feed has stated since stays.
- Where a row cannot be read at all, it may be anybody's, so nobody is ended by that list. A row that is refused but
  says whose it is counts as listed.
- A list that would end more than :data:`SHRINK_PCT` of those under protection is refused as a whole.
- Who is listed by one row and ended, or without a tracker, by another stays.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.kit.reading.registry_difference import GONE, SUSPICIOUS_SHRINK, Difference, difference_of
from connectors.kit.source import Accepted, Entry, Refused, removed
from connectors.welfare_registry.parse import Registration
from schemas.protected_subject import ProtectedSubject
from schemas.topics import PROTECTED_SUBJECTS

# Half of the people are in a nursing home 3.3 years after their diagnosis, and half have died after 4.8 (C. C. Brück et
# al., BMJ 2025;388:e080636): by constant rates ln 2/3.3 + ln 2/4.8 = 35 % leave a registry in a year, 2.9 % in a month.
# A list of every month stays below 5 %, one of every day far below. No number of people may go whatever the share is:
# of a list of four that was cut in half, two are missing.
SHRINK_PCT = 5.0
LIST_NOT_WHOLE = "list-not-whole"
OLDER_THAN_STANDS = "older-than-stands"
# Of one list; each is held until the list is read, about 2 kB.
ENTRIES_MAX = 200_000


@dataclass(frozen=True, slots=True)
class Standing:
    """What must be known of a registration that stands on the topic; nothing of it speaks of the person.

    Attributes:
        event_id: the statement; it says which list made it.
        observed_us: when the registry changed it, UTC microseconds since the epoch.
        until_us: when it ends by itself; None where it does not.
    """

    event_id: str
    observed_us: int
    until_us: int | None

    @classmethod
    def of(cls, subject: ProtectedSubject) -> "Standing":
        """Return what is needed of a registration."""
        return cls(subject.event_id, subject.observed_us, subject.valid_until_us)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShrinkRule:
    """When a list is not believed.

    Attributes:
        id_prefix: what the event ids of this list begin with.
        most_pct: most of those under protection that may be left out, percent.
        accept: the fingerprint that a person named as true; empty where none was.
    """

    id_prefix: str
    most_pct: float = SHRINK_PCT
    accept: str = ""


@dataclass(slots=True)
class WholeList:
    """What a list says, gathered row by row.

    Attributes:
        subjects: the last statement of each pseudonym.
        dated: those whose statement carries the registry's own time of change.
        ended: pseudonyms that the list itself ends.
        kept: pseudonyms of rows that say whose they are and are refused for something else.
        unreadable: rows that may be anybody's.
        refusals: the answers to what was refused, in order.
    """

    subjects: dict[str, ProtectedSubject] = field(default_factory=dict)
    dated: set[str] = field(default_factory=set)
    ended: dict[str, None] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    unreadable: int = 0
    refusals: list[Entry] = field(default_factory=list)

    def take(self, registration: Registration) -> None:
        """Take what a row says."""
        for subject in registration.subjects:
            self.subjects[subject.case_id] = subject
            (self.dated.add if registration.is_dated else self.dated.discard)(subject.case_id)
        self.ended |= dict.fromkeys(registration.removed)

    def refuse(self, refs: tuple[str, ...] | None) -> None:
        """Take note of a row that is refused, and of whose it is; None where nobody can tell."""
        if refs is None:
            self.unreadable += 1
        else:
            self.kept |= set(refs)

    @property
    def is_full(self) -> bool:
        """Return whether it holds as much as one list may."""
        return len(self.subjects) + len(self.ended) + len(self.refusals) > ENTRIES_MAX

    @property
    def fingerprint(self) -> str:
        """Return 16 digits that stand for the people who are listed, whatever else the list says of them."""
        listed = sorted({*self.subjects, *self.kept})
        return hashlib.sha256("\n".join(listed).encode()).hexdigest()[:16]


def entries_of_list(
    listing: WholeList, standing: Mapping[str, Standing], rule: ShrinkRule, now_us: int, findings: Counter[str]
) -> list[Entry]:
    """Return what a list changes of who stands: refusals, then who is new or changed, then who is ended.

    Args:
        listing: the list.
        standing: who stands on the topic, whoever stated it, by pseudonym.
        rule: when the list is not believed.
        now_us: registrations that ended by themselves before may go in any number, UTC microseconds since the epoch.
        findings: where it is counted how many are added, changed, unchanged and gone.
    """
    difference = _difference(listing, standing, rule)
    reason = _why_not_believed(listing, difference, standing, rule, now_us)
    if reason is not None:
        findings[SUSPICIOUS_SHRINK] += 1
        return [*listing.refusals, _refused(SUSPICIOUS_SHRINK, reason)]
    entries = list(listing.refusals)
    findings.update(difference.counts - Counter({GONE: len(difference.gone)}))
    for ref, subject in listing.subjects.items():
        known = standing.get(ref)
        if known is None or known.event_id != subject.event_id:
            if known is not None and ref in listing.dated and subject.observed_us < known.observed_us:
                findings[OLDER_THAN_STANDS] += 1
            else:
                entries.append(Accepted(PROTECTED_SUBJECTS, subject))
    listed = listing.subjects.keys() | listing.kept
    entries += [removed(PROTECTED_SUBJECTS, ref) for ref in listing.ended if ref in standing and ref not in listed]
    if not difference.gone:
        return entries
    if listing.unreadable:
        findings[LIST_NOT_WHOLE] += 1
        left_out = f"none of the {len(difference.gone)} who are left out is ended"
        return [*entries, _refused(LIST_NOT_WHOLE, f"{listing.unreadable} rows may be anybody's, so {left_out}")]
    findings[GONE] += len(difference.gone)
    return entries + [removed(PROTECTED_SUBJECTS, ref) for ref in difference.gone]


def _difference(listing: WholeList, standing: Mapping[str, Standing], rule: ShrinkRule) -> Difference:
    """Return what the list changes of those whom it stated itself and does not end by its own word."""
    own = {
        ref: known.event_id
        for ref, known in standing.items()
        if known.event_id.startswith(rule.id_prefix) and (ref not in listing.ended or ref in listing.subjects)
    }
    kept = {ref: own.get(ref, "") for ref in listing.kept if ref in own}
    return difference_of(kept | {ref: subject.event_id for ref, subject in listing.subjects.items()}, own)


def _why_not_believed(
    listing: WholeList, difference: Difference, standing: Mapping[str, Standing], rule: ShrinkRule, now_us: int
) -> str | None:
    fingerprint = listing.fingerprint
    if rule.accept == fingerprint:
        return None
    protected = [
        ref
        for ref, known in standing.items()
        if known.event_id.startswith(rule.id_prefix) and (known.until_us is None or known.until_us > now_us)
    ]
    gone = len(set(protected) & set(difference.gone))
    if 100.0 * gone <= rule.most_pct * len(protected):
        return None
    return (
        f"{gone} of {len(protected)} under protection are left out, more than {rule.most_pct:g} %; nobody is ended and "
        f"nothing of this list is taken; if it is true, set accept to {fingerprint}"
    )


def _refused(reason: str, message: str) -> Refused:
    return Refused(PROTECTED_SUBJECTS, reason, None, message, b"{}", 0)
