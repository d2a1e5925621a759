"""What must be known of earlier alerts: which case an update belongs to, how many parts it has, and when it ends.

The kit keeps all of it over a restart: an update that names only the update before it goes on in the same case.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from connectors.cap_alerts.parse import SOURCE, Told
from connectors.kit.case_book import MAIN, UNREADABLE, Parts
from connectors.kit.reading.dispatch_rows import digest
from schemas.incident import Incident, IncidentStatus
from schemas.location import Area

ALERTS_MAX = 10_000
CASES_MAX = 10_000
# Warnings of drought or fire danger last for weeks, and say nothing of any person.
KEPT_US = 60 * 86_400_000_000
_ROOT, _OPEN, _PAST = "root:", "open:", "past:"


class Cases:
    """The cases that alerts belong to, oldest first; of more than :data:`CASES_MAX` the oldest are forgotten."""

    def __init__(self) -> None:
        self.form, self.kept_us = 1, KEPT_US
        self._roots: dict[str, str] = {}
        self._open: dict[str, _Open] = {}
        # Alerts that an update or a cancel spoke of: whenever they come, what they say is past.
        self._superseded: dict[str, None] = {}
        # What was kept when it was asked last; None where nobody asks.
        self._told: dict[str, Any] | None = None

    def recall(self, cases: Mapping[str, Parts], *, is_kept: bool) -> list[str]:
        """Remember these only; see :class:`connectors.kit.case_book.Remembers`."""
        self._roots, self._open, self._superseded = {}, {}, {}
        unreadable = []
        for name, parts in cases.items():
            try:
                self._take(name, parts[MAIN])
            except UNREADABLE:
                unreadable.append(name)
        self._told = dict(self._kept()) if is_kept else None
        return unreadable

    def changed(self) -> Mapping[str, Parts | None]:
        """Return what is other than at the last call."""
        if self._told is None:
            return {}
        before, self._told = self._told, dict(self._kept())
        gone: dict[str, Parts | None] = {name: None for name in before if name not in self._told}
        return gone | {name: {MAIN: is_} for name, is_ in self._told.items() if before.get(name) != is_}

    def forget(self, name: str) -> None:
        """Forget an alert, a case or that an alert is past."""
        for beginning, table in ((_ROOT, self._roots), (_OPEN, self._open), (_PAST, self._superseded)):
            if name.startswith(beginning):
                table.pop(name.removeprefix(beginning), None)

    def _take(self, name: str, kept: Any) -> None:
        if name.startswith(_ROOT):
            self._roots[name.removeprefix(_ROOT)] = str(kept)
        elif name.startswith(_OPEN):
            self._open[name.removeprefix(_OPEN)] = _Open.of(kept)
        else:
            self._superseded[name.removeprefix(_PAST)] = None

    def _kept(self) -> Iterator[tuple[str, Any]]:
        yield from ((_ROOT + key, root) for key, root in self._roots.items())
        yield from ((_OPEN + root, case.fields()) for root, case in self._open.items())
        yield from ((_PAST + key, True) for key in self._superseded)

    def incidents_of(self, told: Told, now_us: int) -> list[Incident]:
        """Return the incidents of an alert: one per part of its area, and the end of parts that it no longer has.

        An update or a cancel of several alerts ends the cases of all but the first: one case goes on for all of them.
        A drill's word on a real alert is nothing, and so is an alert that comes after the word that superseded it.
        """
        if told.is_elsewhere and not any(key in self._roots for key in told.references):
            return []
        if told.is_exercise and self._has_real_case(told):
            return []
        root, others = self._joined(told)
        ends = self._ends_of_others(told, root, others, now_us)
        if told.key in self._superseded:
            return ends
        if told.message != "Alert":
            self._superseded.update(dict.fromkeys(told.references))
            _forget(self._superseded, ALERTS_MAX)
        return ends + self._words_of(told, root, now_us)

    def _words_of(self, told: Told, root: str, now_us: int) -> list[Incident]:
        known = self._open.pop(root, None)
        if told.is_elsewhere and known is None:
            return []
        before = 0 if known is None else known.parts
        ends = told.message == "Cancel" or told.is_over or (told.expires_us is not None and told.expires_us <= now_us)
        parts = max(len(told.rings), 1)
        if ends:
            status = IncidentStatus.CANCELLED if told.message == "Cancel" else IncidentStatus.CLOSED
            parts = max(parts, before)
            return [_incident(told, root, part, status.value, now_us) for part in range(parts)]
        if told.is_elsewhere:
            parts = 0
        elif not told.tells_area:
            parts = max(parts, before)  # they are where they were, as far as anybody knows
        made = []
        for part in range(parts):
            # A part that an update before had closed must be reported anew.
            is_known = told.message == "Update" and (known is None or part < before)
            status = IncidentStatus.UPDATED if is_known else IncidentStatus.REPORTED
            made.append(_incident(told, root, part, status.value, now_us))
        # A source may send again an alert that was ended; the same word has the same parts.
        gone = range(parts, before)
        made += [_incident(told, root, part, IncidentStatus.CLOSED.value, now_us) for part in gone]
        self._open[root] = _Open(parts, told.expires_us, told.is_exercise, told.kind, told.onset_us)
        _forget(self._open, CASES_MAX)
        return made

    def next_end_us(self) -> int | None:
        """Return when the next case ends; None where none does."""
        return min((c.expires_us for c in self._open.values() if c.expires_us is not None), default=None)

    def ended(self, now_us: int) -> list[Incident]:
        """Return the ends of all cases that are over by now, and forget these."""
        over = [r for r, case in self._open.items() if case.expires_us is not None and case.expires_us <= now_us]
        return [incident for root in over for incident in self._open.pop(root).expired(root, now_us)]

    def _has_real_case(self, told: Told) -> bool:
        roots = {self._roots.get(key, "") for key in (told.key, *told.references)}
        return any(root in self._open and not self._open[root].is_exercise for root in roots)

    def _joined(self, told: Told) -> tuple[str, list[str]]:
        """Return the first alert of the chain that an alert belongs to, and of other chains that it joins to that."""
        keys = (told.key, *told.references)
        known = list(dict.fromkeys(self._roots[key] for key in keys if key in self._roots))
        root = known[0] if known else keys[1] if told.references else told.key
        others = known[1:]
        if others:
            self._roots = {key: root if of in others else of for key, of in self._roots.items()}
        for key in keys:
            self._roots[key] = root
        _forget(self._roots, ALERTS_MAX)
        return root, others

    def _ends_of_others(self, told: Told, root: str, others: list[str], now_us: int) -> list[Incident]:
        status = IncidentStatus.CANCELLED if told.message == "Cancel" else IncidentStatus.MERGED
        joined = [(other, case) for other in others if (case := self._open.pop(other, None)) is not None]
        return [end for other, case in joined for end in case.ends(other, told.sent_us, now_us, status, root)]


class _Open:
    """An open case: what its end must say.

    Args:
        parts: how many incidents it has.
        expires_us: when it ends by itself, UTC microseconds since the epoch; None where it does not.
        is_exercise: whether it is a drill.
        kind: what happens.
        onset_us: when it began.
    """

    def __init__(self, parts: int, expires_us: int | None, is_exercise: bool, kind: str, onset_us: int) -> None:
        self.parts = parts
        self.expires_us = expires_us
        self.is_exercise = is_exercise
        self._kind = kind
        self._onset_us = onset_us

    @classmethod
    def of(cls, fields: Any) -> "_Open":
        parts, expires_us, is_exercise, kind, onset_us = fields
        return cls(int(parts), expires_us, bool(is_exercise), str(kind), int(onset_us))

    def fields(self) -> list[Any]:
        return [self.parts, self.expires_us, self.is_exercise, self._kind, self._onset_us]

    def expired(self, root: str, now_us: int) -> list[Incident]:
        """Return the end of all parts when their time has come."""
        return self.ends(root, self.expires_us or now_us, now_us, IncidentStatus.CLOSED, None)

    def ends(
        self, root: str, at_us: int, now_us: int, status: IncidentStatus, merged_into: str | None
    ) -> list[Incident]:
        """Return the end of all parts; ``merged_into`` is the alert whose case goes on for them where one does."""
        into = _incident_id(merged_into, 0) if merged_into and status == IncidentStatus.MERGED else None
        word = "expired" if status == IncidentStatus.CLOSED else status.value
        return [
            Incident(
                event_id=f"{_incident_id(root, part)}:{digest(word, at_us)}",
                source=SOURCE,
                observed_us=at_us,
                ingested_us=now_us,
                exercise=self.is_exercise,
                case_id=_incident_id(root, 0),
                incident_id=_incident_id(root, part),
                status=status.value,
                merged_into=into,
                service="disaster",
                kind=self._kind,
                occurred_us=self._onset_us,
            )
            for part in range(self.parts)
        ]


def _incident(told: Told, root: str, part: int, status: str, now_us: int) -> Incident:
    ring = told.rings[part] if part < len(told.rings) else ()
    area = Area(polygon=ring) if ring else Area(district_names=told.districts) if told.districts else None
    incident_id = _incident_id(root, part)
    incident = Incident(
        event_id="",
        source=SOURCE,
        observed_us=told.sent_us,
        ingested_us=now_us,
        exercise=told.is_exercise,
        case_id=_incident_id(root, 0),
        incident_id=incident_id,
        status=status,
        service="disaster",
        kind=told.kind,
        native_code=told.native_code,
        urgency_native=told.urgency,
        occurred_us=told.onset_us,
        area=area,
        # CAP 1.2, 3.2.1: an update supersedes the messages that it speaks of.
        replaces=told.message == "Update" and told.tells_area,
        reported_us=None if told.sent_us == told.onset_us else told.sent_us,
    )
    return replace(incident, event_id=f"{incident_id}:{digest(told.content, status, part, area)}")


def _incident_id(root: str, part: int) -> str:
    return f"{SOURCE}:{root}" if part == 0 else f"{SOURCE}:{root}/{part + 1}"


def _forget(table: dict[str, Any], most: int) -> None:
    while len(table) > most:
        del table[next(iter(table))]
