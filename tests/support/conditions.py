"""Conditions for tests: a crowd around a place, a road that is closed across a way."""

from typing import Any

from pipeline.cameras.camera_table import CameraTable
from schemas.codec import encode
from schemas.condition import Condition
from schemas.location import Point
from tests.support.records import T0_US, S, at


def point(east_m: float, north_m: float) -> Point:
    """Return a point so many metres from the tests' place."""
    place = at(east_m, north_m)
    return Point(lat_deg=place.lat_deg, lon_deg=place.lon_deg)


def _condition(condition_id: str, kind: str, **changes: Any) -> Condition:
    fields: dict[str, Any] = {
        "event_id": condition_id,
        "source": "seoul_city_data",
        "observed_us": T0_US,
        "ingested_us": T0_US,
        "condition_id": condition_id,
        "kind": kind,
        "valid_until_us": T0_US + 3_600 * S,
    }
    return Condition(**{**fields, **changes})


def a_crowd(level: str = "crowded", half_m: float = 60.0, **changes: Any) -> Condition:
    """Return a crowd on a square around the tests' place."""
    corners = ((-half_m, -half_m), (half_m, -half_m), (half_m, half_m), (-half_m, half_m))
    fields = {"polygon": tuple(point(*corner) for corner in corners), "crowd_level": level}
    return _condition("c:crowd", "crowd", **{**fields, **changes})


def a_closure(east_m: float, **changes: Any) -> Condition:
    """Return a road closed from south to north, so far east of the tests' place."""
    fields = {"line": (point(east_m, -100.0), point(east_m, 100.0)), "width_m": 10.0}
    return _condition("c:closure", "closure", **{**fields, **changes})


def tell(table: CameraTable, *conditions: Condition, offset: int = 0) -> None:
    """Write conditions into a table."""
    keys = [condition.condition_id.encode() for condition in conditions]
    assert table.apply_conditions(keys, [encode(condition) for condition in conditions], offset) == []
