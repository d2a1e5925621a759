"""The dispatches under way: a vehicle's position alone makes a new word of the dispatch that it belongs to.

A position names a dispatch and a vehicle, and nothing of the kind of the incident; an incident's event holds all of it.
So what was last said of each dispatch is remembered, within limits; over a restart too, where rows are pushed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from connectors.fire_119.dispatch import OVER, Dispatch, read, written
from connectors.fire_119.parse import (
    Rules,
    dispatch_number,
    incident_id_of,
    is_usable,
    lifts_level,
    moment_us,
    parse_row,
)
from connectors.fire_119.routes import distance_m, route_ahead
from connectors.fire_119.units import MAX_UNITS, units_of
from connectors.kit.case_book import CaseBook, Parts
from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.dispatch_rows import Parsed, digest, text_of
from schemas.incident import Incident, IncidentStatus, RespondingUnit
from schemas.location import Location, Point

# Seoul has some 6,000 calls of 119 in a day, of which few hundred are under way at a time.
DISPATCHES_MAX = 10_000
LEVEL = "level-"


class Dispatches:
    """Reads rows one after the other, and remembers the dispatches they tell of.

    Args:
        rules: how to read a row.
        step_m: a vehicle that moved less since its last word makes no new one, metres.
    """

    def __init__(self, rules: Rules, step_m: float) -> None:
        self._rules = rules
        self._step_m = step_m
        self._known: CaseBook[Dispatch] = CaseBook(DISPATCHES_MAX, write=written, read=read)
        self.form, self.kept_us = self._known.form, self._known.kept_us
        self._dispatch_of: dict[str, str] = {}
        # Counts how often a vehicle was told of, so that the newest word says which dispatch it belongs to.
        self._takes = 0

    def recall(self, cases: Mapping[str, Parts], *, is_kept: bool) -> list[str]:
        """Remember these dispatches only; see :class:`connectors.kit.case_book.Remembers`."""
        unreadable = self._known.recall(cases, is_kept=is_kept)
        newest: dict[str, tuple[int, str]] = {}
        for dispatch in self._known:
            for name, taken in dispatch.taken.items():
                newest[name] = max(newest.get(name, (0, "")), (taken, dispatch.incident.incident_id))
        self._dispatch_of = {name: incident_id for name, (_, incident_id) in newest.items()}
        self._takes = max((taken for taken, _ in newest.values()), default=0)
        return unreadable

    def changed(self) -> Mapping[str, Parts | None]:
        """Return the dispatches that were touched since the last call."""
        return self._known.changed()

    def forget(self, name: str) -> None:
        """Forget a dispatch and the vehicles that belong to it."""
        dispatch = self._known.get(name)
        if dispatch is not None:
            self._known.forget(name)
            self._let_go(dispatch, dispatch.positions)

    def read_row(self, cells: Mapping[str, Any], now_us: int) -> Parsed | None:
        """Return the incident that a dispatch record or a vehicle's position makes; None where it tells nothing new.

        Raises:
            EntryRefusedError: it is neither, or the position of a vehicle of which no dispatch is known.
        """
        if _is_position(cells):
            return self._moved(cells, now_us)
        parsed = parse_row(cells, now_us, self._rules)
        incident, dispatch = parsed.incident, self._known.get(parsed.incident.incident_id)
        dispatch = dispatch or Dispatch(incident)
        before = dispatch.incident
        if not lifts_level(cells):
            incident = _at_level_of(before, incident)
        gone: list[str] = []
        if isinstance(cells.get("UNITS"), list):  # it is the whole list: who is not on it is withdrawn
            gone = dispatch.withdraw_all_but({unit.unit_ref for unit in incident.units})
            self._let_go(dispatch, gone)
        is_narrower = before.area is not None and incident.area is None
        if is_narrower or (gone and not dispatch.positions):
            incident = _stating_all(before, incident)
        dispatch.incident = incident
        findings = list(parsed.findings)
        self._take(dispatch, incident.units, _position_time_us(cells, now_us, self._rules), findings)
        is_over = incident.status in OVER
        if is_over:
            dispatch.forget_vehicles_places()
        told = _with_units(dispatch, incident, findings)
        if is_over:  # no place of it is remembered, before a restart as little as after one
            dispatch.incident = replace(incident, location=None, area=None, units=())
        self._remember(dispatch)
        return Parsed(told, tuple(findings))

    def _moved(self, cells: Mapping[str, Any], now_us: int) -> Parsed | None:
        """Return a new word of the dispatch whose vehicles moved."""
        units, refused = units_of(cells, self._rules.places)
        if not units:
            rule = "must name a vehicle by its call sign"
            raise EntryRefusedError("unusable-unit", "VHCL_ID", f"VHCL_ID: {rule}, got none")
        dispatch = self._of_vehicles(cells, units)
        if dispatch.incident.status in OVER:
            return None
        findings = ["unusable-unit"] if refused else []
        at_us = _position_time_us(cells, now_us, self._rules)
        moved = [unit for unit in units if self._tells_more(dispatch, unit, at_us)]
        if not moved:
            return None
        self._take(dispatch, moved, at_us, findings)
        self._remember(dispatch)
        incident = replace(dispatch.incident, status=IncidentStatus.UPDATED.value, ingested_us=now_us)
        return Parsed(_with_units(dispatch, incident, findings), tuple(findings))

    def _of_vehicles(self, cells: Mapping[str, Any], units: Iterable[RespondingUnit]) -> Dispatch:
        number = dispatch_number(cells)
        named = [incident_id_of(number)] if number else [self._dispatch_of.get(unit.unit_ref, "") for unit in units]
        dispatch = next((known for name in named if (known := self._known.get(name)) is not None), None)
        if dispatch is None:
            rule = "must be of a dispatch that was told before; send the dispatch first"
            raise EntryRefusedError("unknown-dispatch", "OBJT_ID", f"OBJT_ID: {rule}")
        return dispatch

    def _tells_more(self, dispatch: Dispatch, unit: RespondingUnit, at_us: int | None) -> bool:
        """Return whether a position is worth a new word: it is no older, and far from the last or the very same.

        The very same is a message sent again because its answer got lost; it makes the same event once more.
        """
        name, position = unit.unit_ref, unit.position
        if position is None:
            return bool(unit.route)
        if at_us is not None and at_us < dispatch.times_us.get(name, 0):
            return False
        before = dispatch.positions.get(name)
        if before == position:
            # A vehicle that stands where it stood tells so at a later time.
            return at_us is None or at_us == dispatch.times_us.get(name)
        if before is None:
            return True
        return distance_m(_point(before), _point(position)) >= self._step_m

    def _take(
        self, dispatch: Dispatch, units: Iterable[RespondingUnit], at_us: int | None, findings: list[str]
    ) -> None:
        """Take note of vehicles: what is new of each, the rest as it was known."""
        for unit in units:
            name = unit.unit_ref
            if name not in dispatch.positions and len(dispatch.positions) >= MAX_UNITS:
                findings.append("too-many-units")
                continue
            is_late = at_us is not None and at_us < dispatch.times_us.get(name, 0)
            if at_us is not None and not is_late:
                dispatch.times_us[name] = at_us
            before = dispatch.positions.get(name)
            dispatch.positions[name] = before if is_late and before else unit.position or before
            dispatch.routes[name] = unit.route or dispatch.routes.get(name, ())
            self._takes += 1
            dispatch.taken[name] = self._takes
            self._dispatch_of[name] = dispatch.incident.incident_id

    def _remember(self, dispatch: Dispatch) -> None:
        oldest = self._known.put(dispatch.incident.incident_id, dispatch)
        if oldest is not None:
            self._let_go(oldest, oldest.positions)

    def _let_go(self, dispatch: Dispatch, names: Iterable[str]) -> None:
        """Forget that vehicles belong to a dispatch, unless they have gone on to another."""
        for name in names:
            if self._dispatch_of.get(name) == dispatch.incident.incident_id:
                del self._dispatch_of[name]


def _is_position(cells: Mapping[str, Any]) -> bool:
    """Return whether a row tells of vehicles only: it has no type and no time of a dispatch."""
    is_dispatch = any(text_of(cells, name) for name in ("EMG_TY_NM1", "STTE_DT"))
    return not is_dispatch and bool(text_of(cells, "VHCL_ID") or cells.get("UNITS"))


def _position_time_us(cells: Mapping[str, Any], now_us: int, rules: Rules) -> int | None:
    """Return when a position was taken; None where nobody says, or a clock that is wrong.

    One time far ahead must not make all later positions of the vehicle seem late.
    """
    at_us = moment_us(cells.get("VHCL_DT"), rules.zone)
    return None if at_us is None or at_us > now_us + rules.future_tolerance_us else at_us


def _at_level_of(before: Incident, incident: Incident) -> Incident:
    """Return an incident at the response level of its word before, where it says none: most rows name it only once."""
    level = before.urgency_native or ""
    if incident.urgency_native is not None or not level.startswith(LEVEL):
        return incident
    return replace(incident, urgency_native=level, area=incident.area or before.area)


def _stating_all(before: Incident, incident: Incident) -> Incident:
    """Return an incident that takes back what it no longer has, the wider area or all vehicles; its scene stays.

    An event that leaves an area or the vehicles empty says nothing of them otherwise.
    """
    for scene in (incident.location, before.location):
        if scene is not None and is_usable(scene):
            return replace(incident, location=scene, replaces=True)
    return incident


def _with_units(dispatch: Dispatch, incident: Incident, findings: list[str]) -> Incident:
    """Return the incident with all vehicles of its dispatch, each with the part of its way that lies ahead."""
    units = []
    for name, position in dispatch.positions.items():
        route = dispatch.routes[name]
        if route and position is not None:
            ahead = route_ahead(route, _point(position)) if len(route) > 1 else None
            if ahead is None:
                findings.append("off-route")
            route = ahead or ()
        units.append(RespondingUnit(unit_ref=name, position=position, route=route))
    if tuple(units) == incident.units and incident == dispatch.incident:
        return incident
    told = (dispatch.incident.event_id, incident.status, tuple(units), tuple(dispatch.times_us.items()))
    event_id = f"{incident.incident_id}:{digest(*told)}"
    return replace(incident, units=tuple(units), event_id=event_id)


def _point(location: Location) -> Point:
    return Point(lat_deg=location.lat_deg, lon_deg=location.lon_deg)
