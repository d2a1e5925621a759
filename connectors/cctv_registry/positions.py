"""Where in South Korea cameras can be, and the box around a city's districts."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from connectors.kit.cameras.positions import Box
from connectors.kit.errors import ConnectorConfigError

# Cameras on the border of a city stand a little outside its outline.
OUTLINE_MARGIN_DEG = 0.005
# South Korea: the mainland with Jeju, Marado, Gageodo and Baengnyeongdo; Ulleungdo; Dokdo. The islands have boxes of
# their own, because one box around all would take a slipped digit (131.29 for 127.29) for a camera in the sea.
SOUTH_KOREA = (
    Box(33.0, 124.5, 38.7, 129.7),
    Box(37.4, 130.7, 37.6, 131.0),
    Box(37.2, 131.8, 37.3, 131.95),
)


def box_of_outline(path: Path) -> Box:
    """Return the box around a GeoJSON file of districts, with a margin of about 500 m.

    Raises:
        ConnectorConfigError: the file cannot be read or holds no positions.
    """
    try:
        outline = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConnectorConfigError(f"districts: {path.name} is no readable GeoJSON: {type(error).__name__}") from error
    points = list(_points(outline))
    if not points:
        raise ConnectorConfigError(f"districts: {path.name} holds no positions")
    lons, lats = zip(*points, strict=True)
    margin = OUTLINE_MARGIN_DEG
    return Box(min(lats) - margin, min(lons) - margin, max(lats) + margin, max(lons) + margin)


def _points(outline: Any) -> Iterator[tuple[float, float]]:
    """Yield the (longitude, latitude) pairs anywhere under the ``coordinates`` of a GeoJSON value."""
    waiting = [outline]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value[key] for key in ("features", "geometry", "geometries", "coordinates") if key in value)
        elif isinstance(value, list) and len(value) >= 2 and all(isinstance(part, int | float) for part in value):
            yield float(value[0]), float(value[1])
        elif isinstance(value, list):
            waiting.extend(value)
