"""The engine as a decider: one case for each person, all in one partition."""

from typing import Any

from benchmarks.eyes_on.baselines import SLOTS
from benchmarks.eyes_on.cameras import camera_id
from benchmarks.eyes_on.engine_side import T0_US, US_PER_S, EngineSide, abilities, aim_of, sighting
from benchmarks.eyes_on.maps import CityMap
from benchmarks.eyes_on.trackers import TrackerReports
from benchmarks.eyes_on.views import View
from benchmarks.eyes_on.watchers import Looks
from schemas.camera_assignment import CameraAssignment, PtzState
from schemas.location import Location, LocationQuality
from schemas.topics import SIGHTINGS, TRACKER_FIXES, WANDERING_ALERTS, Topic
from schemas.tracker_fix import TrackerFix
from schemas.wandering_alert import AlertKind, WanderingAlert


class EngineCases:
    """Chooses by the engine's assignments.

    Args:
        side: the engine.
        city: for the plane on which the trackers' places are.
        start_s: the engine's time at the cell's beginning.
        prefix: makes the cases' names differ from those of cells before on the same engine.
        learns: whether its looks teach of the cameras. Not while it is measured: hundreds of cases side by side would
            teach in an hour what takes a city months.
    """

    slots = SLOTS * 2
    # The engine says itself how long a view goes on that is replaced.
    overlap_s = 0.0

    def __init__(
        self, side: EngineSide, city: CityMap, *, start_s: float = 0.0, prefix: str = "walk", learns: bool = False
    ) -> None:
        self.side = side
        self.city = city
        self._start_s = start_s
        self._prefix = prefix
        self._learns = learns
        self._told: set[int] = set()

    def decide(self, now_s: int, reports: TrackerReports, looks: Looks | None) -> dict[int, list[View]]:
        """Return the views of the cases with a new version."""
        records: list[tuple[Topic, Any]] = []
        for fix in reports.arriving(now_s).tolist():
            records += self.told(reports, fix, now_s)
        if looks is not None and "sightings" in abilities():
            for episode, camera, seen in zip(
                *(c.tolist() for c in (looks.episode, looks.camera, looks.seen)), strict=True
            ):
                look = sighting(self.case_id_of(episode), camera_id(camera), self._start_s + now_s, seen=seen)
                records.append((SIGHTINGS, look))
        result = self.side.step(self._start_s + now_s, records)
        if self._learns:
            self.side.teach(result.observations, self._start_s + now_s)
        return {self._episode(a.case_id): self.views(a) for a in result.assignments if self._is_ours(a.case_id)}

    def views(self, assignment: CameraAssignment) -> list[View]:
        """Return the views of an assignment."""
        result = []
        for camera in assignment.cameras:
            until_s = None
            pan_deg, field_deg = (None, None) if camera.ptz == PtzState.DENIED else aim_of(camera)
            if camera.until_us is not None:
                until_s = (camera.until_us - T0_US) / US_PER_S - self._start_s
            result.append(View(int(camera.camera_id.removeprefix("cam-")), pan_deg, field_deg, until_s, camera.p_view))
        return result

    def place(self, x_m: float, y_m: float, radius_m: float) -> Location:
        """Return a point of the plane as a location."""
        lat_deg, lon_deg = self.city.plane.to_degrees(x_m, y_m)
        return Location(
            lat_deg=float(lat_deg), lon_deg=float(lon_deg), accuracy_m=radius_m, quality=LocationQuality.GPS
        )

    def close(self, now_s: int) -> None:
        """End all cases: the people are found."""
        records = [(WANDERING_ALERTS, self._alert(e, now_s, None, AlertKind.FOUND)) for e in sorted(self._told)]
        self.side.step(self._start_s + now_s, records)

    def case_id_of(self, episode: int) -> str:
        """Return the case of a person."""
        return f"s:{self._prefix}-{episode:05d}"

    def _is_ours(self, case_id: str) -> bool:
        return case_id.startswith(f"s:{self._prefix}-")

    def _episode(self, case_id: str) -> int:
        return int(case_id.rsplit("-", 1)[1])

    def told(self, reports: TrackerReports, fix: int, now_s: int) -> list[tuple[Topic, Any]]:
        """Return the records of a fix that arrives: the fix, and before a case's first one its alert."""
        episode = int(reports.episode[fix])
        place = self.place(float(reports.x_m[fix]), float(reports.y_m[fix]), float(reports.radius_m[fix]))
        now_us = T0_US + int((self._start_s + now_s) * US_PER_S)
        fix_us = T0_US + int((self._start_s + reports.fix_s[fix]) * US_PER_S)
        case_id = self.case_id_of(episode)
        told: list[tuple[Topic, Any]] = []
        if episode not in self._told:
            self._told.add(episode)
            told.append((WANDERING_ALERTS, self._alert(episode, now_s, place, AlertKind.SAFE_ZONE_EXIT)))
        told.append(
            (
                TRACKER_FIXES,
                TrackerFix(
                    event_id=f"eyes-on:fix:{case_id}:{fix_us}",
                    source="eyes-on",
                    observed_us=fix_us,
                    ingested_us=now_us,
                    case_id=case_id,
                    subject_ref=case_id,
                    fix_us=fix_us,
                    location=place,
                ),
            )
        )
        return told

    def _alert(self, episode: int, now_s: int, place: Location | None, kind: AlertKind) -> WanderingAlert:
        now_us = T0_US + int((self._start_s + now_s) * US_PER_S)
        return WanderingAlert(
            event_id=f"eyes-on:{kind}:{self.case_id_of(episode)}:{now_us}",
            source="eyes-on",
            observed_us=now_us,
            ingested_us=now_us,
            case_id=self.case_id_of(episode),
            subject_ref=self.case_id_of(episode),
            kind=kind,
            location=place,
        )
