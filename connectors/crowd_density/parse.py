"""Crowd levels of named areas, and the polygons they belong to."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from connectors.kit.errors import ConnectorConfigError, EntryRefusedError
from connectors.kit.reading.dispatch_rows import digest, plausible_us, text_of
from connectors.kit.reading.iso_times import iso_us
from connectors.kit.reading.json_bodies import json_object, require_object
from connectors.kit.reading.places import number_of
from schemas.condition import Condition, ConditionKind, CrowdLevel
from schemas.location import Point

NAME = "crowd_density"
ITEMS = "SeoulRtd.citydata_ppltn"
KEPT = ("AREA_CD", "AREA_CONGEST_LVL", "PPLTN_TIME")
LEVELS = {
    "여유": CrowdLevel.RELAXED,
    "보통": CrowdLevel.NORMAL,
    "약간 붐빔": CrowdLevel.BUSY,
    "붐빔": CrowdLevel.CROWDED,
}
AREAS_MAX, POINTS_MAX = 100, 1_000
TOLERANCE_US = 600_000_000
_EARTH_RADIUS_M = 6_371_008.8
# Seven to the square metre is where crowds kill (Fruin 1993); more is an error of the data.
PEOPLE_PER_M2_MAX = 10.0


@dataclass(frozen=True, slots=True)
class CityArea:
    """A named area: its code, its outer ring and how large it is in square metres."""

    code: str
    ring: tuple[Point, ...]
    size_m2: float


@dataclass(frozen=True, slots=True)
class Rules:
    """How answers are read.

    Attributes:
        areas: polygons by code.
        zone: what the service's times mean.
        valid_us: how long a level may be believed, microseconds.
    """

    areas: Mapping[str, CityArea]
    zone: ZoneInfo
    valid_us: int


def areas_from(text: str) -> dict[str, CityArea]:
    """Return the areas of a GeoJSON FeatureCollection by code; of several polygons of one the largest.

    Raises:
        ConnectorConfigError: it is none; the message names feature and rule.
    """
    try:
        features = json.loads(text)["features"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ConnectorConfigError("option areas must name a GeoJSON FeatureCollection") from error
    if not isinstance(features, list) or not 1 <= len(features) <= AREAS_MAX:
        raise ConnectorConfigError(f"option areas: 1 to {AREAS_MAX} features are read by one instance")
    areas = {}
    for number, feature in enumerate(features, start=1):
        try:
            code = str(feature["properties"]["AREA_CD"]).strip()
            geometry = feature["geometry"]
            polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
            rings = [tuple(_point(x, y) for x, y, *_ in rings[0]) for rings in polygons]
            ring = max(rings, key=size_m2)
        except (KeyError, TypeError, ValueError, OverflowError, IndexError) as error:
            raise ConnectorConfigError(f"option areas: feature {number} needs AREA_CD and a polygon") from error
        if not code or not 3 <= len(ring) <= POINTS_MAX or size_m2(ring) <= 0:
            raise ConnectorConfigError(f"option areas: feature {number} needs AREA_CD and 3 to {POINTS_MAX} points")
        areas[code] = CityArea(code, ring, size_m2(ring))
    return areas


def _point(x: Any, y: Any) -> Point:
    """Return a position of GeoJSON, longitude first.

    Raises:
        ValueError: it lies nowhere on the Earth.
    """
    point = Point(lat_deg=float(y), lon_deg=float(x))
    if not (abs(point.lat_deg) <= 90 and abs(point.lon_deg) <= 180):  # NaN compares as False
        raise ValueError("not a position")
    return point


def items_of(payload: bytes) -> list[Any]:
    """Return the areas of an answer.

    Raises:
        EntryRefusedError: it holds none; the service's own code is in the message.
    """
    body = json_object(payload)
    items = body.get(ITEMS)
    if isinstance(items, list) and items:
        return items[:AREAS_MAX]
    result = body.get("RESULT", body)
    code = result.get("RESULT.CODE", result.get("CODE", "")) if isinstance(result, Mapping) else ""
    said = code if isinstance(code, str) and code[:5] in ("INFO-", "ERROR") and len(code) <= 10 else "no code"
    raise EntryRefusedError("no-data", ITEMS, f"{ITEMS}: must be given, the service says {said}")


def condition_of(item: Any, rules: Rules, now_us: int, note: Callable[[str], None]) -> Condition:
    """Return the condition of an area.

    Args:
        item: one area of an answer.
        rules: how to read it.
        now_us: when it was read, UTC microseconds since the epoch.
        note: counts a finding.

    Raises:
        EntryRefusedError: the area is not known, or its level is none of the four.
    """
    item = require_object(item)
    area = rules.areas.get(text_of(item, "AREA_CD"))
    if area is None:
        raise EntryRefusedError("unknown-area", "AREA_CD", "AREA_CD: the file of areas has no such code")
    level = LEVELS.get(text_of(item, "AREA_CONGEST_LVL"))
    if level is None:
        raise EntryRefusedError("unknown-code", "AREA_CONGEST_LVL", f"AREA_CONGEST_LVL: one of {', '.join(LEVELS)}")
    observed_us = plausible_us(_time_us(text_of(item, "PPLTN_TIME"), rules.zone), now_us, TOLERANCE_US, note)
    if text_of(item, "REPLACE_YN") == "Y":
        note("estimated")  # the service fills gaps of its measurement
    return Condition(
        event_id=digest(NAME, area.code, observed_us, level.value),
        source=NAME,
        observed_us=observed_us,
        ingested_us=now_us,
        condition_id=f"{NAME}:{area.code}",
        kind=ConditionKind.CROWD.value,
        polygon=area.ring,
        crowd_level=level.value,
        people_per_m2=_density(item, area, note),
        valid_until_us=observed_us + rules.valid_us,
    )


def size_m2(ring: tuple[Point, ...]) -> float:
    """Return the size of a ring of some kilometres at most, square metres, on the plane at its first point."""
    if not ring:
        return 0.0
    per_deg_m = math.radians(1) * _EARTH_RADIUS_M
    east_m = per_deg_m * math.cos(math.radians(ring[0].lat_deg))
    points = [
        ((point.lon_deg - ring[0].lon_deg) * east_m, (point.lat_deg - ring[0].lat_deg) * per_deg_m) for point in ring
    ]
    following = points[1:] + points[:1]
    return abs(sum(x * v - u * y for (x, y), (u, v) in zip(points, following, strict=True))) / 2


def _density(item: Mapping[str, Any], area: CityArea, note: Callable[[str], None]) -> float | None:
    least, most = number_of(item.get("AREA_PPLTN_MIN")), number_of(item.get("AREA_PPLTN_MAX"))
    if least is None or most is None or not 0 <= least <= most:
        return None
    density = (least + most) / 2 / area.size_m2
    if density > PEOPLE_PER_M2_MAX:
        note("impossible-density")
        return None
    return density


def _time_us(text: str, zone: ZoneInfo) -> int | None:
    """Return a time such as ``2026-03-01 11:55`` as UTC microseconds."""
    return iso_us(text.replace(" ", "T", 1), zone)
