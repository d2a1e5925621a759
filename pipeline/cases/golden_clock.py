"""From when the golden time counts: the first report of an opening of a case, where it is told apart."""

from dataclasses import replace
from typing import Protocol

from schemas.case_state import CaseReport, CaseState


class HasTimes(Protocol):
    """An incident, a report, or a version of an assignment."""

    @property
    def occurred_us(self) -> int:
        """Return when it happened, UTC microseconds since the epoch."""

    @property
    def reported_us(self) -> int | None:
        """Return when it was reported; None where that is not told apart from ``occurred_us``."""


def clock_start_us(told: HasTimes) -> int:
    """Return from when the golden time counts: the report where it is known, else when it happened.

    It is in UTC microseconds since the epoch, and may lie before what happened: clocks differ, floods are announced.
    """
    return told.occurred_us if told.reported_us is None else told.reported_us


def with_first_clock(report: CaseReport, case: CaseState, now_us: int) -> CaseReport:
    """Return a report after an event with the clock of its first one, whatever is corrected later.

    Args:
        report: the report as the event tells it.
        case: the case before the event; a report that had ended there begins anew.
        now_us: the now of the engine; no report is later, so that a clock that is ahead shortens no golden time.
    """
    known = next((r for r in case.reports if r.report_id == report.report_id and r.closed_reason is None), None)
    if known is not None:
        start_us = clock_start_us(known)
    else:
        start_us = report.occurred_us if report.reported_us is None else min(report.reported_us, now_us)
    return replace(report, reported_us=None if start_us == report.occurred_us else start_us)


def first_report_us(case: CaseState) -> int | None:
    """Return when the first report of this opening came in; None for a case without reports.

    Reports that ended in an earlier opening do not count: the clock of the one they belonged to has stopped.
    """
    of_this = [r for r in case.reports if r.closed_reason is None or r.observed_us >= case.opened_us]
    return min(map(clock_start_us, of_this or case.reports), default=None)
