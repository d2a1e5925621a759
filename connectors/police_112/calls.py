"""The calls under way: what a row leaves blank, or says against what was told before, is judged by the rows before it.

A call that is lowered, ended or made a drill by a blank or wrong cell would lose its cameras. So what was last said of
each call is remembered, within limits. After a restart the file in which reading stopped is read again; of calls that
are pushed the kit keeps what is remembered.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from connectors.kit.case_book import MAIN, CaseBook, Parts
from connectors.kit.reading.dispatch_rows import Parsed, text_of
from connectors.police_112.parse import Rules, parse_row
from schemas.incident import Incident, IncidentStatus

# Seoul has some 11,000 calls of 112 in a day.
CALLS_MAX = 20_000
_OVER = (IncidentStatus.CLOSED, IncidentStatus.CANCELLED, IncidentStatus.MERGED)


@dataclass(frozen=True, slots=True)
class _Call:
    """What was last said of a call."""

    urgency: str | None
    exercise: bool
    is_over: bool
    merged_into: str | None
    observed_us: int


class Calls:
    """Reads rows one after the other, and remembers the calls they tell of.

    Args:
        rules: how to read a row.

    Attributes:
        book: what was last said of each call.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.book: CaseBook[_Call] = CaseBook(CALLS_MAX, write=_written, read=_read)

    def read_row(self, cells: Mapping[str, Any], now_us: int) -> Parsed:
        """Return the incident that a row tells of, with what is known of its call.

        Raises:
            EntryRefusedError: the row is no call.
        """
        parsed = parse_row(cells, now_us, self._rules)
        if self._closes_a_ring(parsed.incident):
            alone = {name: cell for name, cell in cells.items() if name != self._rules.related_column}
            again = parse_row(alone, now_us, self._rules)
            parsed = Parsed(again.incident, (*again.findings, "same-case-ring"))
        known = self.book.get(parsed.incident.incident_id)
        if known is not None:
            if parsed.incident.observed_us < known.observed_us:
                return parsed  # the engine passes it over
            has_time = bool(text_of(cells, self._rules.changed_column))
            parsed = _as_it_goes_on(known, parsed, has_time=has_time)
        self._remember(parsed.incident)
        return parsed

    def _closes_a_ring(self, incident: Incident) -> bool:
        """Return whether a call would be merged into one that was merged into it: none of them would go on."""
        target = incident.merged_into
        passed: set[str] = set()
        while target is not None and target not in passed and target != incident.incident_id:
            passed.add(target)
            call = self.book.get(target)
            target = None if call is None else call.merged_into
        return target is not None and target == incident.incident_id

    def _remember(self, incident: Incident) -> None:
        call = _Call(
            urgency=incident.urgency_native,
            exercise=incident.exercise,
            is_over=incident.status in _OVER,
            merged_into=incident.merged_into,
            observed_us=incident.observed_us,
        )
        self.book.put(incident.incident_id, call)


def _written(call: _Call) -> Parts:
    return {MAIN: [call.urgency, call.exercise, call.is_over, call.merged_into, call.observed_us]}


def _read(parts: Parts) -> _Call:
    urgency, exercise, is_over, merged_into, observed_us = parts[MAIN]
    return _Call(urgency, bool(exercise), bool(is_over), merged_into, int(observed_us))


def _as_it_goes_on(known: _Call, parsed: Parsed, *, has_time: bool) -> Parsed:
    """Return a newer word of a call that is known; ``has_time`` says whether it says when it came about."""
    incident, findings = parsed.incident, list(parsed.findings)
    if incident.urgency_native is None:
        incident = replace(incident, urgency_native=known.urgency)
    if known.exercise and "unreadable-type" in findings:
        incident = replace(incident, exercise=True)
    if incident.exercise and not known.exercise:
        # Nobody may play with a real case; but the room says that there is nothing in it, so it ends.
        findings.append("call-was-a-drill")
        status = incident.status if incident.status in _OVER else IncidentStatus.CANCELLED.value
        incident = replace(incident, exercise=False, status=status)
    if known.is_over and not has_time and incident.status == IncidentStatus.REPORTED:
        # Without a time of the change, a call that was taken and a call that ended come in the order of their states.
        findings.append("late-state")
        incident = replace(incident, status=IncidentStatus.UPDATED.value)
    return Parsed(incident, tuple(findings))
