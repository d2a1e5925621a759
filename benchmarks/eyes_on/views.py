"""The views that are really open: streams that open, heads that turn, and what they show second by second."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.eyes_on.cameras import DETECT_PER_OBSERVE, PTZ_WIDEST_DEG, TURNING
from benchmarks.eyes_on.maps import Floats
from benchmarks.eyes_on.rays import I8
from benchmarks.eyes_on.sights import F4, I4, REACH_M, Sights
from pipeline.compiled import compiled

# A stream that is asked for shows its first picture after this; a head turns this fast and then settles.
OPEN_S = 3.0
SLEW_DEG_PER_S = 45.0
SETTLE_S = 0.5
# Turning by less is no movement.
SAME_AIM_DEG = 1.0
NOTHING, WEAK, FULL = 0, 1, 2
I1 = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class View:
    """One camera that somebody wants to look through.

    Attributes:
        camera: its number.
        pan_deg: where to turn it; None leaves it as it is.
        field_deg: field of view to set a turning camera to; None leaves it at its widest.
        until_s: when the view ends; None for as long as it is wanted.
        value: what it is worth to whoever wants it, a probability of a view.
    """

    camera: int
    pan_deg: float | None = None
    field_deg: float | None = None
    until_s: float | None = None
    value: float = 0.0


class ViewBoard:
    """The open views of all people of a cell, by person and slot, each person in a world of their own.

    Attributes:
        camera: -1 for a free slot; shape (episodes, slots), as all columns.
        ready_s: from when the view shows something.
        end_s: until when.
        pan_deg: where a head looks.
        field_deg: how wide.
        seen: the best that any view showed, by second: NOTHING, WEAK (25 px/m) or FULL (62); (episodes, seconds).
        switches: cameras added after the first set, by person.
        turned_deg: how far heads were turned, by person.
        view_s: seconds of open views, by person.
    """

    def __init__(self, sights: Sights, slots: int) -> None:
        shape = (sights.episodes, slots)
        self.sights = sights
        self.camera = np.full(shape, -1, np.int32)
        self.ready_s, self.end_s = np.zeros(shape), np.zeros(shape)
        self.pan_deg, self.field_deg = np.zeros(shape), np.full(shape, PTZ_WIDEST_DEG)
        self.seen: I1 = np.zeros((sights.episodes, sights.seconds), np.int8)
        self.switches = np.zeros(sights.episodes, np.int64)
        self.turned_deg = np.zeros(sights.episodes)
        self.view_s = np.zeros(sights.episodes)
        self._head: dict[tuple[int, int], float] = {}
        self._had = np.zeros(sights.episodes, np.bool_)

    def show(self, episode: int, views: Sequence[View], now_s: float, *, overlap_s: float = 0.0) -> None:
        """Let a person's views be these from now on.

        Args:
            episode: the person.
            views: all of them; what is not among them ends.
            now_s: when it was decided.
            overlap_s: how long those that end go on, while the new ones open.
        """
        camera, end_s = self.camera[episode], self.end_s[episode]
        camera[end_s <= now_s] = -1
        wanted = {view.camera: view for view in views}
        for slot in np.flatnonzero(camera >= 0).tolist():
            view = wanted.pop(int(camera[slot]), None)
            if view is None:
                end_s[slot] = min(end_s[slot], now_s + overlap_s)
                continue
            end_s[slot] = np.inf if view.until_s is None else view.until_s
            turning_s = self.turn(episode, slot, view, now_s)
            if turning_s:
                self.ready_s[episode, slot] = max(self.ready_s[episode, slot], now_s + turning_s)
        free = np.flatnonzero(camera < 0).tolist()
        for slot, view in zip(free, wanted.values(), strict=False):
            camera[slot] = view.camera
            end_s[slot] = np.inf if view.until_s is None else view.until_s
            turning_s = self.turn(episode, slot, view, now_s)
            self.ready_s[episode, slot] = now_s + max(OPEN_S, turning_s)
            self.switches[episode] += int(self._had[episode])
        self._had[episode] |= bool(views)

    def turn(self, episode: int, slot: int, view: View, now_s: float) -> float:
        """Turn a head to its view's aim; return how many seconds that takes."""
        del now_s  # of matter only where people share a world
        cameras = self.sights.cameras
        if cameras.kind[view.camera] != TURNING:
            return 0.0
        key = (episode, view.camera)
        before_deg = self._head.get(key, float(cameras.heading_deg[view.camera]))
        field_deg = PTZ_WIDEST_DEG if view.field_deg is None else min(view.field_deg, PTZ_WIDEST_DEG)
        pan_deg = before_deg if view.pan_deg is None else view.pan_deg
        turn_deg = abs((pan_deg - before_deg + 180.0) % 360.0 - 180.0)
        zooms = abs(self.field_deg[episode, slot] - field_deg) > 0.5
        self.pan_deg[episode, slot], self.field_deg[episode, slot] = pan_deg, field_deg
        self._head[key] = pan_deg
        if turn_deg < SAME_AIM_DEG and not zooms:
            return 0.0
        self.turned_deg[episode] += turn_deg
        return turn_deg / SLEW_DEG_PER_S + SETTLE_S

    def watch(self, from_s: int, to_s: int) -> None:
        """Note what the views show in each second of from_s <= second < to_s."""
        for second in range(from_s, min(to_s, self.sights.seconds)):
            level = self.levels(second)
            np.maximum(self.seen[:, second], level.max(axis=1), out=self.seen[:, second])
            self.view_s += (level >= 0).sum(axis=1)

    def levels(self, second: int) -> I1:
        """Return what each slot shows now: -1 where no view is open, else NOTHING, WEAK or FULL."""
        level = np.full(self.camera.shape, -1, np.int8)
        cameras, s = self.sights.cameras, self.sights
        _levels(
            second, self.camera, self.ready_s, self.end_s, self.pan_deg, self.field_deg,
            cameras.kind == TURNING, cameras.observe_m, s.second, s.distance_m, s.bearing_deg, s.first, level,
        )  # fmt: skip
        return level


@compiled
def _levels(  # noqa: PLR0917  # a kernel takes plain arguments
    now: int, camera: I4, ready: Floats, end: Floats, pan: Floats, field: Floats,
    turning: NDArray[np.bool_], observe: Floats, second: I4, distance: F4, bearing: F4, first: I8, level: I1,
) -> None:  # fmt: skip
    """Write what each open view shows at a second; its moment is found by bisection."""
    for e in range(camera.shape[0]):
        for k in range(camera.shape[1]):
            c = camera[e, k]
            if c < 0 or now < ready[e, k] or now >= end[e, k]:
                continue
            level[e, k] = NOTHING
            pair = e * len(observe) + c
            low, high = first[pair], first[pair + 1]
            last = high
            while low < high:
                middle = (low + high) // 2
                if second[middle] < now:
                    low = middle + 1
                else:
                    high = middle
            if low == last or second[low] != now:
                continue
            reach = observe[c]
            if turning[c]:
                if abs((bearing[low] - pan[e, k] + 180.0) % 360.0 - 180.0) > field[e, k] / 2:
                    continue
                reach = reach * np.tan(np.radians(30.0)) / np.tan(np.radians(field[e, k] / 2))
            if distance[low] <= min(reach, REACH_M):
                level[e, k] = FULL
            elif distance[low] <= min(reach * DETECT_PER_OBSERVE, REACH_M):
                level[e, k] = WEAK
