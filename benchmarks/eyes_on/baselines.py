"""What cities use today: rules of thumb on the registry and the last fix."""

from typing import Protocol

import numpy as np

from benchmarks.eyes_on.cameras import PTZ_OBSERVE_M, PTZ_WIDEST_DEG, TURNING, Registry
from benchmarks.eyes_on.maps import Floats
from benchmarks.eyes_on.sights import NARROWEST_DEG
from benchmarks.eyes_on.trackers import TrackerReports
from benchmarks.eyes_on.views import View
from benchmarks.eyes_on.watchers import Looks

EVERYTHING_M = 500.0
# Most views that anything opens for one person.
SLOTS = 16
EVERYTHING_SLOTS = 400


class Decider(Protocol):
    """Whoever chooses views: a rule of thumb or the engine.

    Attributes:
        slots: most views of one person at a time, those that are ending among them.
        overlap_s: how long a view that is no longer wanted goes on.
    """

    slots: int
    overlap_s: float

    def decide(self, now_s: int, reports: TrackerReports, looks: Looks | None) -> dict[int, list[View]]:
        """Return the new views of each person whose views change at this moment.

        Args:
            now_s: seconds from the beginning.
            reports: the trackers' fixes; those that arrive now are news.
            looks: what was said of the views that are open; None without feedback.
        """
        ...


class NearestCameras:
    """The nearest k at the last fix; heads are turned to it.

    Args:
        registry: what is known of the cameras.
        count: how many.
        zoom: turning cameras only, zoomed so that the fix and its radius just fill the picture's 62 px/m.
    """

    slots = SLOTS
    overlap_s = 3.0

    def __init__(self, registry: Registry, count: int, *, zoom: bool = False) -> None:
        self._registry = registry
        self._count = count
        self._zoom = zoom
        self._candidates = np.flatnonzero(registry.kind == TURNING) if zoom else np.arange(len(registry.x_m))

    def decide(self, now_s: int, reports: TrackerReports, looks: Looks | None) -> dict[int, list[View]]:
        """Return the nearest cameras for each new fix."""
        del looks
        return {
            int(reports.episode[fix]): self.views_at(float(reports.x_m[fix]), float(reports.y_m[fix]))
            for fix in reports.arriving(now_s).tolist()
        }

    def chosen(self, distance_m: Floats) -> "np.ndarray[tuple[int], np.dtype[np.intp]]":
        """Return places of the chosen among the candidates."""
        return np.argsort(distance_m, kind="stable")[: self._count]

    def views_at(self, x_m: float, y_m: float) -> list[View]:
        """Return the nearest cameras to a point, heads turned to it."""
        registry, rows = self._registry, self._candidates
        dx, dy = x_m - registry.x_m[rows], y_m - registry.y_m[rows]
        distance_m = np.hypot(dx, dy)
        views = []
        for i in self.chosen(distance_m).tolist():
            camera = int(rows[i])
            if registry.kind[camera] != TURNING:
                views.append(View(camera))
                continue
            pan_deg = float(np.degrees(np.arctan2(dx[i], dy[i])) % 360)
            views.append(View(camera, pan_deg, self._field_deg(float(distance_m[i]))))
        return views

    def _field_deg(self, distance_m: float) -> float:
        """Return the widest field at which the fix is at 62 px/m."""
        if not self._zoom or distance_m <= PTZ_OBSERVE_M:
            return PTZ_WIDEST_DEG
        half = np.arctan(np.tan(np.radians(PTZ_WIDEST_DEG / 2)) * PTZ_OBSERVE_M / distance_m)
        return float(max(2 * np.degrees(half), NARROWEST_DEG))


class EverythingNear(NearestCameras):
    """All cameras within 500 m of the last fix."""

    slots = EVERYTHING_SLOTS

    def __init__(self, registry: Registry) -> None:
        super().__init__(registry, EVERYTHING_SLOTS)

    def chosen(self, distance_m: Floats) -> "np.ndarray[tuple[int], np.dtype[np.intp]]":
        """Return all within the radius."""
        return np.flatnonzero(distance_m <= EVERYTHING_M)[: self._count // 2]
