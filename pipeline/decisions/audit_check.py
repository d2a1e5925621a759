"""Whether a chain of access decisions is whole: nothing changed, taken out or put elsewhere.

What a chain alone cannot show: that its end was cut off, or that all of it was written anew. Whoever keeps a sequence
and its hash elsewhere can (see ``ChainCheck``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipeline.decisions.audit import NO_HASH, AuditChain, hash_of
from schemas.access_audit import AccessAudit

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
VIEW_NOT_GRANTED, VIEW_CHANGED, VIEW_REPEATED = "view-not-granted", "view-changed", "view-repeated"
# No fault: exact repeats happen on brokers without transactions, a gateway delivers at least once, and old records
# outlive their keeping.
TOLERATED = (REPEATED, BEGINS_LATER, VIEW_REPEATED)


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, or worth knowing, at one place of a chain.

    Attributes:
        kind: ``changed``, ``missing``, ``reordered``, ``view-not-granted``, ``view-changed``; ``repeated``,
            ``view-repeated`` and ``begins-later`` are tolerated.
        sequence: the record's place in the chain; for missing ones the first.
        message: what was found, without anything of the record's contents.
    """

    kind: str
    sequence: int
    message: str

    @property
    def is_fault(self) -> bool:
        """Return whether something is wrong."""
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
