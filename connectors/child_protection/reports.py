"""The reports that are open: what a later word of a report, or the end of a search, means for others.

A report has its case by the child it names. So a word without the child would open a case of its own, a word that
names the child only later would leave the first case behind, and a child that two people had reported would be looked
for after it was found. What was last said of each report is remembered, within limits and without any place.
"""

from dataclasses import replace

from connectors.kit.case_book import MAIN, CaseBook, Parts
from connectors.kit.reading.dispatch_rows import digest
from connectors.kit.reading.json_records import record_from_json, record_to_json
from schemas.incident import Incident, IncidentStatus

# A large city has some thousand missing persons in a year.
REPORTS_MAX = 10_000
_OVER = (IncidentStatus.CLOSED, IncidentStatus.CANCELLED, IncidentStatus.MERGED)


class Reports:
    """The newest word of each report with the ends that it brought.

    Attributes:
        book: what is remembered.
    """

    def __init__(self) -> None:
        self.book: CaseBook[tuple[Incident, ...]] = CaseBook(REPORTS_MAX, write=_written, read=_read)

    def told(self, incident: Incident, *, is_found: bool) -> list[Incident]:
        """Return a word of a report, and the ends that follow from it.

        Args:
            incident: the word.
            is_found: whether it says that the child was found: then no report of the child is open any more.
        """
        words = self.book.get(incident.incident_id)
        known = words[0] if words else None
        if known is not None and known.exercise == incident.exercise:
            if known.subject_ref is not None and incident.subject_ref is None:
                incident = replace(incident, case_id=known.case_id, subject_ref=known.subject_ref)
            if incident.observed_us < known.observed_us:
                return [incident]  # it is late, and ends nothing
            if words and known.event_id == incident.event_id:
                return [incident, *words[1:]]  # told again, because its answer got lost: so are the ends
        ends = []
        if known is not None and known.case_id != incident.case_id and known.status not in _OVER:
            ends.append(_end(known, incident, IncidentStatus.MERGED))
        if is_found and incident.subject_ref is not None:
            others = [words[0] for words in self.book if _is_open_for(words[0], incident)]
            ends += [_end(other, incident, IncidentStatus.CLOSED) for other in others]
        for end in ends:
            self._remember((end,))
        self._remember((incident, *ends))
        return [incident, *ends]

    def _remember(self, words: tuple[Incident, ...]) -> None:
        self.book.put(words[0].incident_id, tuple(_without_place(word) for word in words))


def _without_place(word: Incident) -> Incident:
    return replace(word, location=None, area=None, units=(), replaces=False)


def _written(words: tuple[Incident, ...]) -> Parts:
    said = [{name: value for name, value in record_to_json(word).items() if value is not None} for word in words]
    return {MAIN: said}


def _read(parts: Parts) -> tuple[Incident, ...]:
    words = tuple(record_from_json(Incident, word) for word in parts[MAIN])
    if not words:
        raise ValueError("a report must have a word")
    return words


def _is_open_for(other: Incident, found: Incident) -> bool:
    """Return whether another report of a child that was found is open; a drill finds nobody who is really missing."""
    is_same = (other.subject_ref, other.exercise) == (found.subject_ref, found.exercise)
    is_before = other.observed_us <= found.observed_us and other.incident_id != found.incident_id
    return is_same and is_before and other.status not in _OVER


def _end(known: Incident, by: Incident, status: IncidentStatus) -> Incident:
    """Return the end of a report by a word of another, or by the case that it goes on in; its place stays as it was."""
    return replace(
        _without_place(known),
        event_id=f"{known.incident_id}:{digest('ended', known.event_id, by.event_id)}",
        observed_us=by.observed_us,
        ingested_us=by.ingested_us,
        status=status.value,
        merged_into=by.case_id if status == IncidentStatus.MERGED else None,
    )
