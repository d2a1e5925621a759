"""One case's life: how reports open, change, merge and close it. Immutable states in, immutable states out."""

import math
from dataclasses import dataclass, replace

from pipeline.cases.golden_clock import with_first_clock
from pipeline.geo import offsets_m
from pipeline.rules.policy import Policy
from pipeline.rules.purpose import Permission
from pipeline.rules.ranking import LAST_RANK
from schemas.camera_assignment import CaseStatus
from schemas.case_state import CaseReport, CaseState
from schemas.incident import Incident, IncidentStatus, Service
from schemas.location import Location, LocationQuality
from schemas.ptz import PtzRequest
from schemas.wandering_alert import DETECTION, AlertKind, WanderingAlert

RECENT_EVENT_IDS_MAX = 32
# More reports of one case than this are a fault of the source; the oldest closed ones make room.
REPORTS_MAX = 32
ALERT_PREFIX = "alert:"
# Alerts of our own detection: a return into a safe zone ends these, and no others.
OWN_ALERT_PREFIX = ALERT_PREFIX + "own:"
MERGED_PREFIX = "merged-into:"
MERGED_HERE = "merged"
LEASE_EXPIRED = "lease-expired"
RELEASED_BY_ORDER = "released-by-order"
CLOSED_BY_ORDER = "closed-by-order"
# How a record can end for its case.
CHANGED = "changed"
NOTED = "noted"
DUPLICATE = "duplicate"
LATE = "late"
AFTER_CLOSE = "after-close"
UNKNOWN_CASE = "unknown-case"
EXERCISE_MIX = "exercise-mix"
REFUSED = "refused"
# After these, an alert from before is late.
ENDS_ALERTS = (AlertKind.FOUND, CLOSED_BY_ORDER, RELEASED_BY_ORDER)
# These end alerts of our own detection.
ENDS_OWN = (AlertKind.RETURNED, AlertKind.HEARD_AGAIN)
# After these, any newer word of the source opens its report again; all other ends are the source's own, and final.
_NOT_FINAL = (None, LEASE_EXPIRED, RELEASED_BY_ORDER)
# Two places agree when they are within so many times the sum of their 68 % radii.
_AGREES = 2.0
# The kind that connectors give a report whose type they could not read.
_UNREAD_KIND = "other"
# Qualities of a location that is no place: cameras are never chosen from it.
UNUSABLE_QUALITIES = (LocationQuality.DEFAULT, LocationQuality.NONE)


@dataclass(frozen=True, slots=True)
class Applied:
    """What an event did to a case.

    Attributes:
        case: the case afterwards; the same object when nothing changed; None when there is none.
        outcome: ``changed`` (a version is due), ``noted`` (the state changed, no version is due), ``duplicate``,
            ``late`` (older than what is known), ``after-close``, ``unknown-case``, ``not-held``; ``exercise-mix`` and
            ``refused`` are answered in the dead letters.
        reason: for ``changed``: why the next version is made; for ``refused``: why not.
        ptz_request: what must be told to the arbitration of heads; None for nothing.
    """

    case: CaseState | None
    outcome: str
    reason: str = ""
    ptz_request: PtzRequest | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What a case's open reports amount to.

    Attributes:
        rank: the most urgent rank of the allowed reports.
        lead: the report that gives it.
        services: services of all open reports, sorted.
        camera_purposes: purposes that cameras may have; empty means any.
        permission: what the gate says of the lead; not allowed when no report is.
        allowed_services: services of the reports that the gate allows.
    """

    rank: int
    lead: CaseReport
    services: tuple[str, ...]
    camera_purposes: frozenset[str]
    permission: Permission
    allowed_services: frozenset[str] = frozenset()


def apply_incident(case: CaseState | None, incident: Incident, now_us: int) -> Applied:
    """Return the case after an incident's event, whichever order the events arrive in."""
    if ended := _refused(case, incident.event_id, exercise=incident.exercise):
        return ended
    before, case = case, _case_for(case, incident, incident.subject_ref, now_us)
    known = next((r for r in case.reports if r.report_id == incident.incident_id), None)
    # A source whose clock is ahead must not make all that follows seem late.
    observed_us = min(incident.observed_us, now_us)
    if known is not None and observed_us < known.observed_us:
        return Applied(before, LATE)
    closed_reason = _closed_reason(incident)
    if known is not None and incident.status != IncidentStatus.REPORTED and _is_final(known.closed_reason):
        return Applied(before, AFTER_CLOSE)
    told = known if known is not None and _is_unread(incident) else incident
    report = CaseReport(
        report_id=incident.incident_id,
        service=told.service,
        kind=told.kind,
        native_code=told.native_code,
        urgency_native=incident.urgency_native,
        legal_basis=incident.legal_basis,
        occurred_us=incident.occurred_us,
        observed_us=observed_us,
        location=_known_place(incident.location, _that_stands(known) if incident.replaces else known),
        area=incident.area or (known.area if known and not incident.replaces else None),
        units=incident.units or (known.units if known and not incident.replaces else ()),
        closed_reason=closed_reason,
        reported_us=incident.reported_us,
    )
    return Applied(_with_report(case, report, incident.event_id, now_us), CHANGED, closed_reason or incident.status)


def apply_alert(case: CaseState | None, alert: WanderingAlert, now_us: int) -> Applied:
    """Return the case after a wandering alert.

    ``found`` ends all alerts of the case; ``returned`` those that detection of our own raised, ``heard-again`` the
    silence that it told of; both are nothing without.
    """
    if refused := _refused(case, alert.event_id, exercise=alert.exercise):
        return refused
    prefix = OWN_ALERT_PREFIX if alert.source == DETECTION or alert.kind in ENDS_OWN else ALERT_PREFIX
    ended = prefix + AlertKind.NO_CONTACT if alert.kind == AlertKind.HEARD_AGAIN else prefix
    if alert.kind in ENDS_OWN and not (case and any(_is_open_alert(r, ended) for r in case.reports)):
        return Applied(case, AFTER_CLOSE)
    before, case = case, _case_for(case, alert, alert.subject_ref, now_us)
    report_id = prefix + alert.kind
    known = next((r for r in case.reports if r.report_id == report_id), None)
    ends = alert.kind == AlertKind.FOUND or alert.kind in ENDS_OWN
    newest_us = max((r.observed_us for r in case.reports if r.report_id.startswith(ended)), default=0)
    found_us = max((r.observed_us for r in case.reports if r.closed_reason in ENDS_ALERTS), default=0)
    observed_us = min(alert.observed_us, now_us)
    if (known and observed_us < known.observed_us) or observed_us < (newest_us if ends else found_us):
        return Applied(before, LATE)
    if ends:
        case = replace(case, reports=tuple(_ended(r, ended, alert.kind, observed_us) for r in case.reports))
    report = CaseReport(
        report_id=report_id,
        service=Service.DEMENTIA,
        kind=alert.kind,
        hazards=alert.hazards,
        occurred_us=min(alert.last_seen_us or observed_us, observed_us),
        observed_us=observed_us,
        location=_known_place(alert.location, known),
        closed_reason=alert.kind if ends else None,
        reported_us=observed_us,  # an alert is its own report, however long ago the person was seen
    )
    return Applied(_with_report(case, report, alert.event_id, now_us), CHANGED, alert.kind)


def open_reports(case: CaseState) -> tuple[CaseReport, ...]:
    """Return the reports that still stand."""
    return tuple(r for r in case.reports if r.closed_reason is None)


def is_ended(case: CaseState) -> bool:
    """Return whether the case is over: released or denied."""
    return case.ended_us is not None


def standing_of(case: CaseState, policy: Policy) -> Standing | None:
    """Return what the open reports amount to; None when none is open."""
    reports = open_reports(case)
    if not reports:
        return None
    judged = sorted(
        ((policy.ranks.rank_of(r), r.occurred_us, r.report_id, r, policy.gate.permission(r)) for r in reports),
        key=lambda item: item[:3],
    )
    services = tuple(sorted({r.service for r in reports}))
    allowed = [item for item in judged if item[4].allowed and item[0] < LAST_RANK]
    if case.exercise and not policy.exercise_cameras:
        rank, _, _, lead, _ = judged[0]
        return Standing(rank, lead, services, frozenset(), Permission(allowed=False, reason="exercise"))
    if not allowed:
        rank, _, _, lead, permission = judged[0]
        denied = permission if not permission.allowed else Permission(allowed=False, reason="rank-without-cameras")
        return Standing(rank, lead, services, frozenset(), denied)
    rank, _, _, lead, permission = allowed[0]
    wanted = [item[4].camera_purposes for item in allowed]
    purposes = frozenset().union(*wanted) if all(wanted) else frozenset()
    return Standing(rank, lead, services, purposes, permission, frozenset(item[3].service for item in allowed))


def _refused(case: CaseState | None, event_id: str, *, exercise: bool) -> Applied | None:
    """Return an outcome for events that must not touch the case: repeats, and drills for a real case."""
    if case is None:
        return None
    if event_id in case.recent_event_ids:
        return Applied(case, DUPLICATE)
    if exercise and not case.exercise and not is_ended(case):
        return Applied(case, EXERCISE_MIX)
    return None


def _case_for(
    case: CaseState | None, event: Incident | WanderingAlert, subject_ref: str | None, now_us: int
) -> CaseState:
    """Return the case an event belongs to: a new one, the same one, or the same one cleared of drills."""
    if case is None:
        return CaseState(
            case_id=event.case_id,
            version=0,
            status=CaseStatus.WAITING,
            exercise=event.exercise,
            subject_ref=subject_ref,
            opened_us=now_us,
            evidence_us=now_us,
            decided_us=now_us,
            valid_until_us=now_us,
        )
    if event.exercise != case.exercise:
        # A real report wins over a drill, and a drill never stands on the reports of a real case that has ended.
        case = replace(_without_orders(case), exercise=event.exercise, reports=(), opened_us=now_us)
    return case if case.subject_ref or not subject_ref else replace(case, subject_ref=subject_ref)


def _known_place(told: Location | None, known: CaseReport | None) -> Location | None:
    """Return where a report is: an update without a usable place keeps the place that is known.

    So does one that only repeats, less exactly, the surroundings of a place that somebody corrected.
    """
    if known is None or known.location is None:
        return told
    if told is None or told.quality in UNUSABLE_QUALITIES:
        return known.location
    before = known.location
    if before.quality == LocationQuality.OTHER and before.accuracy_m < told.accuracy_m:
        away = offsets_m(before.lat_deg, before.lon_deg, told.lat_deg, told.lon_deg)
        if math.hypot(*away) <= _AGREES * (before.accuracy_m + told.accuracy_m):
            return before
    return told


def _is_unread(incident: Incident) -> bool:
    """Return whether an event does not say what happened; an update that does not, takes back nothing that is known."""
    return incident.kind == _UNREAD_KIND and incident.native_code is None


def _that_stands(known: CaseReport | None) -> CaseReport | None:
    """Return what of a report stands when its source states it anew: a place that somebody else corrected."""
    corrected = known is not None and known.location is not None and known.location.quality == LocationQuality.OTHER
    return known if corrected else None


def _with_report(case: CaseState, report: CaseReport, event_id: str, now_us: int) -> CaseState:
    others = [r for r in case.reports if r.report_id != report.report_id]
    reports = [*others, with_first_clock(report, case, now_us)]
    if len(reports) > REPORTS_MAX:
        reports.remove(min(reports, key=lambda r: (r.closed_reason is None, r.observed_us)))
    was_over = is_ended(case) or not open_reports(case)
    reopens = bool(was_over and report.closed_reason is None and case.version)
    if reopens:
        case = replace(_without_orders(case), opened_us=now_us, first_view_us=None, ended_us=None)
    in_order = tuple(sorted(reports, key=lambda r: r.report_id))
    return with_event_id(replace(case, reports=in_order, evidence_us=now_us), event_id)


def with_event_id(case: CaseState, event_id: str) -> CaseState:
    """Return the case remembering an event's id, to know it when it is delivered again."""
    return replace(case, recent_event_ids=(*case.recent_event_ids, event_id)[-RECENT_EVENT_IDS_MAX:])


def _without_orders(case: CaseState) -> CaseState:
    """Return the case without what operators and heads said of a former opening."""
    return replace(case, barred=(), pinned=(), extended_by=None)


def _is_final(closed_reason: str | None) -> bool:
    """Return whether a report was ended for good; one that ran out of time or was let go opens with the next word."""
    return closed_reason not in _NOT_FINAL


def _is_open_alert(report: CaseReport, prefix: str) -> bool:
    return report.report_id.startswith(prefix) and report.closed_reason is None


def _ended(report: CaseReport, prefix: str, kind: str, observed_us: int) -> CaseReport:
    if not _is_open_alert(report, prefix):
        return report
    return replace(report, closed_reason=kind, observed_us=max(report.observed_us, observed_us))


def _closed_reason(incident: Incident) -> str | None:
    if incident.status == IncidentStatus.MERGED:
        if incident.merged_into == incident.case_id:
            return MERGED_HERE  # a second report of the same case; the case itself points nowhere
        return MERGED_PREFIX + (incident.merged_into or "unknown")
    return incident.status if incident.status in (IncidentStatus.CLOSED, IncidentStatus.CANCELLED) else None
