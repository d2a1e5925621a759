"""What is known of one dispatch, and the form in which it outlives a restart."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from connectors.kit.case_book import MAIN, Parts
from connectors.kit.reading.json_records import record_from_json, record_to_json
from schemas.incident import Incident, IncidentStatus
from schemas.location import Location, Point

OVER = (IncidentStatus.CLOSED, IncidentStatus.CANCELLED)
# Parts of a vehicle's own: what changes with every position, and its way, which seldom does.
_VEHICLE, _WAY = "vehicle:", "way:"


@dataclass(slots=True)
class Dispatch:
    """What is known of a dispatch: its newest word, and of each vehicle its whole way and the age of its position.

    Attributes:
        incident: its newest word; without places and vehicles when it is over.
        routes: each vehicle's whole way.
        positions: where each was last.
        times_us: when it was there, where that was said, UTC microseconds since the epoch.
        taken: the number of the newest word of each; of two dispatches the one with the larger has the vehicle.
    """

    incident: Incident
    routes: dict[str, tuple[Point, ...]] = field(default_factory=dict)
    positions: dict[str, Location | None] = field(default_factory=dict)
    times_us: dict[str, int] = field(default_factory=dict)
    taken: dict[str, int] = field(default_factory=dict)

    def withdraw_all_but(self, names: set[str]) -> list[str]:
        """Forget all vehicles but some; return the names of those that are gone."""
        gone = [name for name in self.positions if name not in names]
        for name in gone:
            del self.positions[name], self.routes[name]
            self.times_us.pop(name, None)
            self.taken.pop(name, None)
        return gone

    def forget_vehicles_places(self) -> None:
        """Forget where the vehicles are and go; who they are stays."""
        self.positions = dict.fromkeys(self.positions)
        self.routes = dict.fromkeys(self.positions, ())


def written(dispatch: Dispatch) -> Parts:
    """Return the parts of a dispatch."""
    incident = replace(dispatch.incident, units=())
    said = {name: value for name, value in record_to_json(incident).items() if value is not None}
    # Their order is that of the vehicles in an event.
    parts: dict[str, Any] = {MAIN: [said, list(dispatch.positions), list(dispatch.times_us)]}
    for name, position in dispatch.positions.items():
        place = None if position is None else record_to_json(position)
        parts[_VEHICLE + name] = [place, dispatch.times_us.get(name), dispatch.taken.get(name, 0)]
        route = dispatch.routes[name]
        if route:
            parts[_WAY + name] = [degrees for point in route for degrees in (point.lat_deg, point.lon_deg)]
    return parts


def read(parts: Parts) -> Dispatch:
    """Return the dispatch that parts tell of; a vehicle whose part is missing is left out.

    Raises:
        EntryRefusedError: its newest word is none; likewise KeyError, TypeError and ValueError.
    """
    said, names, timed = parts[MAIN]
    dispatch = Dispatch(record_from_json(Incident, said))
    vehicles = {name: parts[_VEHICLE + name] for name in names if _VEHICLE + name in parts}
    for name, (place, _, taken) in vehicles.items():
        dispatch.positions[name] = None if place is None else record_from_json(Location, place)
        dispatch.routes[name] = _route(parts, name)
        dispatch.taken[name] = int(taken)
    dispatch.times_us = {name: int(vehicles[name][1]) for name in timed if name in vehicles}
    return dispatch


def _route(parts: Mapping[str, Any], name: str) -> tuple[Point, ...]:
    degrees = [float(number) for number in parts.get(_WAY + name, ())]
    return tuple(Point(lat_deg=lat, lon_deg=lon) for lat, lon in zip(degrees[::2], degrees[1::2], strict=True))
