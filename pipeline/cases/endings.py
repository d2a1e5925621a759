"""Why a case is over: because nothing more was heard, or because people know better."""

from pipeline.cases.case import ENDS_ALERTS, ENDS_OWN, LEASE_EXPIRED, is_ended
from schemas.case_state import CaseState


def ran_out(case: CaseState) -> bool:
    """Return whether a case has ended because nothing more was heard."""
    return _last_word(case) == LEASE_EXPIRED


def was_settled(case: CaseState) -> bool:
    """Return whether a case has ended because people said so: the person was found, or an operator ended it."""
    return _last_word(case) in ENDS_ALERTS


def _last_word(case: CaseState) -> str | None:
    """Return why the newest report of a case that is over was closed; what only ends others is no report here."""
    told = [r for r in case.reports if r.kind not in ENDS_OWN] if is_ended(case) else []
    return max(told, key=lambda r: (r.observed_us, r.report_id)).closed_reason if told else None
