"""Eyes on the walker: what the assigned cameras truly showed, and what as many of the nearest would have shown."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from console.demo.streets import Spot
from console.demo.truth import PTZ_NARROWEST_DEG, PTZ_OBSERVE_M, PTZ_WIDEST_DEG, Moments, TrueCameras
from schemas.camera_assignment import CameraAssignment, CameraRole
from schemas.ptz import PtzAction, PtzCommand

US_PER_S = 1_000_000
# A stream that is asked for shows its first picture after this, and a view that is replaced goes on for as long.
OPEN_S = 3.0
# Heads turn this fast and then settle; meanwhile they show nothing.
SLEW_DEG_PER_S, SETTLE_S = 45.0, 0.5


@dataclass(slots=True)
class Pose:
    """Where a head looks from a moment on, seconds from the story's start; it begins to turn before."""

    begins_s: float
    from_s: float
    pan_deg: float
    field_deg: float


@dataclass(slots=True)
class Views:
    """Views that were opened and closed, and heads that were turned.

    Attributes:
        open_s: by camera the spells (from, until) of open streams, the newest last; until is infinite while open.
        poses: by camera where its head looked, in order of time; home where nobody turned it.
    """

    cameras: TrueCameras
    open_s: dict[int, list[tuple[float, float]]] = field(default_factory=dict)
    poses: dict[int, list[Pose]] = field(default_factory=dict)

    def show(self, cameras: Sequence[int], at_s: float, *, overlap_s: float) -> None:
        """Let these be the views from a moment on; those that are not among them end, after ``overlap_s``."""
        for camera, spells in self.open_s.items():
            if camera not in cameras and spells[-1][1] == math.inf:
                self.close(camera, at_s + overlap_s)
        for camera in cameras:
            spells = self.open_s.setdefault(camera, [])
            if spells and spells[-1][1] >= at_s:
                spells[-1] = (spells[-1][0], math.inf)
            else:
                spells.append((at_s + OPEN_S, math.inf))

    def close(self, camera: int, until_s: float) -> None:
        """End a view."""
        start_s, end_s = self.open_s[camera][-1]
        self.open_s[camera][-1] = (start_s, min(end_s, until_s))

    def turn(self, camera: int, at_s: float, pan_deg: float, field_deg: float) -> None:
        """Turn a head."""
        poses = self.poses.setdefault(camera, [])
        before_deg = poses[-1].pan_deg if poses else float(self.cameras.heading_deg[camera])
        before_field_deg = poses[-1].field_deg if poses else PTZ_WIDEST_DEG
        turn_deg = abs((pan_deg - before_deg + 180) % 360 - 180)
        if turn_deg >= 1 or abs(field_deg - before_field_deg) >= 1:
            poses.append(Pose(at_s, at_s + turn_deg / SLEW_DEG_PER_S + SETTLE_S, pan_deg, field_deg))

    def seconds_seen(self, moments: Moments) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
        """Return in which seconds of the walk one of the open views truly showed the walker."""
        seen = np.zeros(moments.seconds, np.bool_)
        for camera, spells in self.open_s.items():
            for second, (distance_m, bearing_deg) in moments.of_camera.get(camera, {}).items():
                at_s = moments.begin_s + second
                if any(start_s <= at_s < end_s for start_s, end_s in spells):
                    seen[second] |= self._looks_at(camera, at_s, distance_m, bearing_deg)
        return seen

    def seconds_open(self, moments: Moments) -> float:
        """Return how many seconds of pictures all views had during the walk."""
        end_s = moments.begin_s + moments.seconds
        spells = [spell for of_camera in self.open_s.values() for spell in of_camera]
        return sum(max(0.0, min(until_s, end_s) - max(from_s, moments.begin_s)) for from_s, until_s in spells)

    def _looks_at(self, camera: int, at_s: float, distance_m: float, bearing_deg: float) -> bool:
        if not self.cameras.turns[camera]:
            return True  # its moments are those in its field
        pan_deg, field_deg = float(self.cameras.heading_deg[camera]), PTZ_WIDEST_DEG
        for pose in self.poses.get(camera, []):
            if at_s < pose.begins_s:
                break
            if at_s < pose.from_s:
                return False  # still turning
            pan_deg, field_deg = pose.pan_deg, pose.field_deg
        off_deg = abs((bearing_deg - pan_deg + 180) % 360 - 180)
        return off_deg <= field_deg / 2 and distance_m <= self.cameras.range_m(camera, field_deg)


# When a place came in (seconds from the story's start), where, and its 68 % radius in metres.
Reported = tuple[float, Spot, float]
# No case has more cameras than an assignment can hold.
CASE_CAMERAS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class EyesOn:
    """The figures, side by side.

    Attributes:
        possible_s: seconds in which any camera could truly have shown the walker, heads turned and zoomed at will.
        seen_s: those of them in which an assigned camera did.
        nearest_s: those of them in which one of as many nearest cameras would have.
        nearest_four_s: the same of the nearest four at most, as rooms open them today.
        cameras: how many pictures were open on average, of the assigned.
        nearest_cameras: the same of the nearest.
    """

    possible_s: int
    seen_s: int
    nearest_s: int
    nearest_four_s: int
    cameras: float
    nearest_cameras: float

    @property
    def share(self) -> float:
        """Return the share of the possible seconds that the assigned cameras showed."""
        return self.seen_s / max(self.possible_s, 1)

    @property
    def nearest_share(self) -> float:
        """Return the share of the possible seconds that the nearest cameras would have shown."""
        return self.nearest_s / max(self.possible_s, 1)

    @property
    def nearest_four_share(self) -> float:
        """Return the share of the possible seconds that the nearest four cameras would have shown."""
        return self.nearest_four_s / max(self.possible_s, 1)


class Watch:
    """Follows one case through its assignments, head commands and reported places.

    Args:
        cameras: as they truly are.
        start_us: the story's start, UTC microseconds since the epoch.
        case_id: the case.
    """

    def __init__(self, cameras: TrueCameras, start_us: int, case_id: str) -> None:
        self._cameras = cameras
        self._start_us = start_us
        self.case_id = case_id
        self._assignments: list[CameraAssignment] = []
        self._commands: list[PtzCommand] = []

    def saw_decision(self, assignment: CameraAssignment) -> None:
        """Take note of a decision of any case."""
        if assignment.case_id == self.case_id:
            self._assignments.append(assignment)

    def saw_command(self, command: PtzCommand) -> None:
        """Take note of what a head was told, whoever had it told: pictures show what the head sees."""
        self._commands.append(command)

    def eyes_on(self, moments: Moments, reported: Sequence[Reported]) -> EyesOn:
        """Return the figures.

        Args:
            moments: what could be shown.
            reported: when a place came in (seconds from the story's start), where, and its 68 % radius in metres.
        """
        possible = moments.possible
        engine = self._views()
        nearest_s, nearest = self._best_nearest(moments, reported, at_most=CASE_CAMERAS_MAX)
        return EyesOn(
            int(possible.sum()),
            int((engine.seconds_seen(moments) & possible).sum()),
            nearest_s,
            self._best_nearest(moments, reported, at_most=4)[0],
            engine.seconds_open(moments) / moments.seconds,
            nearest.seconds_open(moments) / moments.seconds,
        )

    def _best_nearest(self, moments: Moments, reported: Sequence[Reported], *, at_most: int) -> tuple[int, Views]:
        """Return what the rule of thumb shows, seconds, and its views: of its two ways the better one in hindsight."""
        ways = [self._nearest(moments, reported, at_most=at_most, zoom=zoom) for zoom in (False, True)]
        shown = [int((views.seconds_seen(moments) & moments.possible).sum()) for views in ways]
        best = int(shown[1] > shown[0])
        return shown[best], ways[best]

    def _at_s(self, time_us: int) -> float:
        return (time_us - self._start_us) / US_PER_S

    def _views(self) -> Views:
        """Return the views that the case really had."""
        views, number = Views(self._cameras), self._cameras.number
        for assignment in self._assignments:
            at_s = self._at_s(assignment.decided_us)
            known = [camera for camera in assignment.cameras if camera.camera_id in number]
            views.show([number[camera.camera_id] for camera in known], at_s, overlap_s=0.0)
            for camera in known:
                if camera.until_us is not None:
                    views.close(number[camera.camera_id], self._at_s(camera.until_us))
        for command in self._commands:
            if command.camera_id in number:
                self._obey(views, number[command.camera_id], command)
        return views

    def _obey(self, views: Views, camera: int, command: PtzCommand) -> None:
        at_s = self._at_s(command.issued_us)
        if command.shadow:
            return
        if command.action == PtzAction.MOVE and command.aim is not None:
            half = math.atan(math.tan(math.radians(PTZ_WIDEST_DEG / 2)) / max(command.aim.zoom, 1.0))
            views.turn(camera, at_s, command.aim.pan_deg, math.degrees(2 * half))
        elif command.action == PtzAction.RETURN_HOME:
            views.turn(camera, at_s, float(self._cameras.heading_deg[camera]), PTZ_WIDEST_DEG)

    def _nearest(self, moments: Moments, reported: Sequence[Reported], *, at_most: int, zoom: bool) -> Views:
        """Return the views of the rule of thumb: as many as the case had, nearest to the newest place, turned to it.

        Its heads do at once what they are told: no other case wants them.
        """
        views, count, place = Views(self._cameras), 0, None
        counts = [(self._at_s(a.decided_us), min(_count_of(a), at_most)) for a in self._assignments]
        changes: list[tuple[float, int | tuple[Spot, float]]] = [
            *counts,
            *((at_s, (spot, radius_m)) for at_s, spot, radius_m in reported),
        ]
        for at_s, change in sorted(changes, key=lambda item: item[0]):
            if isinstance(change, int):
                if change == count:
                    continue
                count = change
            else:
                place = change
            if place is not None and at_s <= moments.begin_s + moments.seconds:
                self._turn_nearest(views, at_s, place, count, zoom=zoom)
        return views

    def _turn_nearest(self, views: Views, at_s: float, place: tuple[Spot, float], count: int, *, zoom: bool) -> None:
        spot, radius_m = place
        cameras = self._cameras
        dx, dy = spot.east_m - cameras.x_m, spot.north_m - cameras.y_m
        distance_m = np.where(cameras.usable, np.hypot(dx, dy), np.inf)
        chosen = np.argsort(distance_m, kind="stable")[:count].tolist()
        views.show(chosen, at_s, overlap_s=OPEN_S)
        for camera in chosen:
            if cameras.turns[camera]:
                pan_deg = math.degrees(math.atan2(dx[camera], dy[camera])) % 360
                field_deg = _field_for(float(distance_m[camera]), radius_m) if zoom else PTZ_WIDEST_DEG
                views.turn(camera, at_s, pan_deg, field_deg)


def _count_of(assignment: CameraAssignment) -> int:
    return sum(camera.role != CameraRole.ENDING for camera in assignment.cameras)


def _field_for(distance_m: float, radius_m: float) -> float:
    """Return the field at which a place is at 62 px/m, but not narrower than its uncertainty."""
    half = math.atan(math.tan(math.radians(PTZ_WIDEST_DEG / 2)) * min(1.0, PTZ_OBSERVE_M / max(distance_m, 1.0)))
    whole = math.degrees(2 * max(half, math.atan2(radius_m, max(distance_m, 1.0))))
    return min(max(whole, PTZ_NARROWEST_DEG), PTZ_WIDEST_DEG)
