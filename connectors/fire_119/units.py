"""Responding vehicles of a dispatch row: who, where, and the way they take."""

import re
from collections.abc import Mapping
from typing import Any

from connectors.kit.reading.dispatch_rows import looks_like_phone, text_of
from connectors.kit.reading.korean_places import PlaceRules, place_of
from schemas.incident import RespondingUnit
from schemas.location import LocationQuality, Point

# A level-3 fire calls 80 vehicles and more; a way through a city has some hundred corners.
MAX_UNITS = 100
MAX_ROUTE_POINTS = 1000
# A vehicle's position is from its satellite receiver.
UNIT_ACCURACY_M = 15.0

# Call signs like 종로-구급-1 or P-21: at most as long as one, and with a digit, so that no sentence and no name passes.
_CALL_SIGN = re.compile(r"(?=.*\d)\w[\w ().-]{0,23}")
_NOT_A_PLACE = (LocationQuality.NONE.value, LocationQuality.DEFAULT.value)


def units_of(cells: Mapping[str, Any], places: PlaceRules) -> tuple[tuple[RespondingUnit, ...], int]:
    """Return the responding units of a row, and how many were left out or lost a part because it was unusable."""
    listed = cells.get("UNITS")
    entries = [cells, *listed[:MAX_UNITS]] if isinstance(listed, list) else [cells]
    units: list[RespondingUnit] = []
    refused = max(len(listed) - MAX_UNITS, 0) if isinstance(listed, list) else int(listed not in (None, ""))
    for entry in entries:
        values = {str(name).upper(): value for name, value in entry.items()} if isinstance(entry, dict) else {}
        if entry is cells and not text_of(cells, "VHCL_ID"):
            continue
        unit, is_whole = _unit(values if entry is not cells else cells, places)
        refused += not is_whole
        if unit is not None:
            units.append(unit)
    return tuple(units), refused


def _unit(values: Mapping[str, Any], places: PlaceRules) -> tuple[RespondingUnit | None, bool]:
    """Return the unit and whether all that was given of it could be used."""
    unit_ref = text_of(values, "VHCL_ID")
    if not _CALL_SIGN.fullmatch(unit_ref) or looks_like_phone(unit_ref):
        return None, False
    rules = PlaceRules(UNIT_ACCURACY_M, LocationQuality.GPS.value, places.default_points)
    place = place_of(values.get("VHCL_X"), values.get("VHCL_Y"), rules)
    position = None if place.location is None or place.location.quality in _NOT_A_PLACE else place.location
    route, is_whole = _route(text_of(values, "VHCL_ROUTE"), rules)
    is_whole = is_whole and (position is not None or place.finding == "no-coordinates")
    return RespondingUnit(unit_ref=unit_ref, position=position, route=route), is_whole


def _route(route: str, rules: PlaceRules) -> tuple[tuple[Point, ...], bool]:
    """Return the points of ``lon lat;lon lat;…``; none at all where one is unusable or alone.

    A way with a gap misleads, and one point is no way.
    """
    text = route.strip("; ")
    if not text:
        return (), True
    pairs = [pair.split() for pair in text.split(";")]
    if not 2 <= len(pairs) <= MAX_ROUTE_POINTS or any(len(pair) != 2 for pair in pairs):
        return (), False
    points: list[Point] = []
    for x, y in pairs:
        location = place_of(x, y, rules).location
        if location is None or location.quality in _NOT_A_PLACE:
            return (), False
        points.append(Point(lat_deg=location.lat_deg, lon_deg=location.lon_deg))
    return tuple(points), True
