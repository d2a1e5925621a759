"""Levels of a view by pixel density: IEC 62676-4 (detect 25, observe 62, recognise 125, identify 250 px/m)."""

from schemas.camera_assignment import ViewLevel

DETECT_PX_PER_M = 25.0
OBSERVE_PX_PER_M = 62.0
# A view of 25 px/m reaches so many times as far as one of 62 px/m.
DETECT_PER_OBSERVE = OBSERVE_PX_PER_M / DETECT_PX_PER_M
LEVELS: tuple[tuple[float, ViewLevel], ...] = (
    (250.0, ViewLevel.IDENTIFY),
    (125.0, ViewLevel.RECOGNISE),
    (OBSERVE_PX_PER_M, ViewLevel.OBSERVE),
    (DETECT_PX_PER_M, ViewLevel.DETECT),
)


def level_at(distance_m: float, observe_range_m: float) -> ViewLevel:
    """Return the level at a distance for a camera with this range of 62 px/m."""
    px_per_m = OBSERVE_PX_PER_M * observe_range_m / max(distance_m, 1.0)
    return next((level for density, level in LEVELS if px_per_m >= density), ViewLevel.NONE)
