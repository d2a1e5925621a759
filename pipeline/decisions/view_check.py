"""Whether each view in a chain of access decisions was granted when it was issued.

A link is issued by what the gateway knows of the case at that moment, and its record takes its place in the chain after
the version that it was judged by. So the versions before it in the chain must show that this agency might look through
this camera then: in a version in force at that moment, or within ``TOLERANCE_US`` of it, and until the link's end.
"""

import hashlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pipeline.decisions.audit import canonical
from pipeline.decisions.audit_check import (
    FINDINGS_MAX,
    VIEW_CHANGED,
    VIEW_NOT_GRANTED,
    VIEW_REPEATED,
    WINDOW,
    Finding,
)
from schemas.access_audit import AccessAudit, AuditAction

SECOND_US = 1_000_000
# The gateway's clock may be off, a version takes a moment to reach it, and its record a moment to reach the topic.
TOLERANCE_US = 60 * SECOND_US
# No lease is longer (``[lease]`` of policy.toml), so that older versions say nothing of what was in force.
LEASE_US_MAX = 86_400 * SECOND_US
# So many versions of a partition are remembered, over all cases.
VERSIONS_MAX = 20_000
VIEWS = (AuditAction.VIEW, AuditAction.VIEW_REFUSED)


@dataclass(frozen=True, slots=True)
class _Grant:
    """What a version allows: its agencies, until when each camera may be looked through, on which terms."""

    from_us: int
    until_us: int
    agencies: frozenset[str]
    ends_us: Mapping[str, int]
    masking_required: bool
    exercise: bool

    @classmethod
    def of(cls, version: AccessAudit) -> "_Grant":
        early = dict.fromkeys(version.ending, version.ending_until_us)
        return cls(
            version.from_us,
            version.until_us,
            frozenset(recipient.partition(":")[0] for recipient in version.recipients),
            {camera: min(version.until_us, early.get(camera) or version.until_us) for camera in version.camera_ids},
            version.masking_required,
            version.exercise,
        )

    def allows(self, view: AccessAudit, superseded_us: int | None) -> bool:
        """Return whether a view may have been issued by it; ``superseded_us`` is when the next version began."""
        end_us = max((self.ends_us.get(camera, 0) for camera in view.camera_ids), default=0)
        in_force_us = end_us if superseded_us is None else min(end_us, superseded_us)
        first_us, last_us = min(view.from_us, view.until_us), view.from_us
        return (
            self.agencies.issuperset(view.recipients)
            and view.until_us <= end_us
            and self.from_us - TOLERANCE_US <= last_us
            and first_us <= in_force_us + TOLERANCE_US
            and view.exercise == self.exercise
            and view.masking_required >= self.masking_required
        )


class ViewCheck:
    """Checks the views of one partition's chain, record by record in its order, in bounded memory.

    A view that was recorded more than once with the same event_id, as after a delivery at least once, is one view: it
    is judged and counted the first time. With other contents it is a fault.

    Attributes:
        issued: how many links were given.
        refused: how many were refused.
        repeats: how many records told of a view again.
        unjudged: how many issued views are older than the versions that are known, so that nothing can be said.
        faults: how many findings are faults; at most ``FINDINGS_MAX`` findings are kept.
    """

    def __init__(self) -> None:
        self.issued = 0
        self.refused = 0
        self.repeats = 0
        self.unjudged = 0
        self.faults = 0
        self._findings: list[Finding] = []
        self._told: dict[str, bytes] = {}  # what was told of the newest views, by event_id
        self._grants: dict[str, deque[_Grant]] = {}
        self._arrived: deque[str] = deque()  # case of each remembered version, in order
        # Versions that were in force up to this moment may be unknown; None before the first record.
        self._known_from_us: int | None = None

    def take(self, record: AccessAudit) -> None:
        """Check the next record as it lies in the partition."""
        if self._known_from_us is None:
            # A chain that is there from its beginning on knows all versions.
            self._known_from_us = 0 if record.sequence == 1 else record.from_us + LEASE_US_MAX
        if record.action not in VIEWS:
            self._remember(record)
        elif not self._is_repeat(record):
            if record.action == AuditAction.VIEW_REFUSED:
                self.refused += 1
            else:
                self.issued += 1
                self._judge(record, self._known_from_us)

    def findings(self) -> tuple[Finding, ...]:
        """Return what was found, in order."""
        return tuple(self._findings)

    def _remember(self, version: AccessAudit) -> None:
        self._grants.setdefault(version.case_id, deque()).append(_Grant.of(version))
        self._arrived.append(version.case_id)
        if len(self._arrived) > VERSIONS_MAX:
            case_id = self._arrived.popleft()
            grants = self._grants[case_id]
            oldest = grants.popleft()
            ended_us = min(oldest.until_us, grants[0].from_us) if grants else oldest.until_us
            self._known_from_us = max(self._known_from_us or 0, ended_us + TOLERANCE_US)
            if not grants:
                del self._grants[case_id]

    def _is_repeat(self, view: AccessAudit) -> bool:
        told, before = _told(view), self._told.get(view.event_id)
        if before is None:
            self._told[view.event_id] = told
            if len(self._told) > WINDOW:
                del self._told[next(iter(self._told))]
            return False
        self.repeats += 1
        if before != told:
            self._note(Finding(VIEW_CHANGED, view.sequence, "a view was recorded again with other contents"))
        elif self.repeats == 1:
            self._note(Finding(VIEW_REPEATED, view.sequence, "a view was recorded more than once; tolerated"))
        return True

    def _judge(self, view: AccessAudit, known_from_us: int) -> None:
        grants = self._grants.get(view.case_id, ())
        superseded_us: int | None = None
        for grant in reversed(grants):
            if grant.allows(view, superseded_us):
                return
            superseded_us = grant.from_us
        if view.from_us <= known_from_us:
            self.unjudged += 1
            return
        text = "a link was given that no version in force then allows: agency, camera, time, masking or drill"
        self._note(Finding(VIEW_NOT_GRANTED, view.sequence, text))

    def _note(self, finding: Finding) -> None:
        self.faults += finding.is_fault
        if len(self._findings) < FINDINGS_MAX:
            self._findings.append(finding)


def _told(view: AccessAudit) -> bytes:
    """Return a digest of what a view's record tells of the view itself, whenever and wherever it was chained."""
    same = replace(view, sequence=0, from_us=0, until_us=_link_end_us(view), policy_version="")
    return hashlib.sha256(canonical(same).encode()).digest()


def _link_end_us(view: AccessAudit) -> int:
    return view.until_us if view.action == AuditAction.VIEW else 0
