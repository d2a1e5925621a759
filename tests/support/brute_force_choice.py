"""The rules of choosing cameras and aims, written again in plain Python, to check the compiled choice against.

Nothing here uses the engine or numpy: each rule is a loop over all cameras and places, from the words of the design.
"""

import hashlib
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

DETECT_PER_OBSERVE = 62 / 25
Aim = tuple[float, float] | None

# Left-over places are not given to cameras farther than this from the middle of the places.
FILL_M_MAX = 500.0


@dataclass(frozen=True)
class Cam:
    """A camera; ``kind`` is fixed (of known azimuth), loose (of unknown azimuth), round or turning."""

    name: str
    x_m: float
    y_m: float
    kind: str = "round"
    azimuth_deg: float = 0.0
    field_deg: float = 90.0
    observe_m: tuple[float, ...] = (60.0,)
    reach_m: float = 150.0
    site: int = 0
    reason: int = 0
    purposes: int = 1
    facing_bins: tuple[int, ...] = ()
    facing_n: int = 0
    factor: tuple[float, ...] = (1.0,) * 12


@dataclass(frozen=True)
class Spot:
    """A place where the target can be."""

    x_m: float
    y_m: float
    mass: float


@dataclass(frozen=True)
class Numbers:
    """The policy."""

    zooms_deg: tuple[float, ...] = (60.0,)
    clutter_m: float = 200.0
    weak: float = 0.05
    min_gain: float = 0.001
    ptz_min_gain: float = 0.02
    held_bonus: float = 0.02
    travel_cost: float = 0.01
    step_deg: float = 30.0
    zoom_step_deg: float = 15.0


@dataclass(frozen=True)
class Taken:
    """One choice."""

    name: str
    aim: Aim
    gain: float
    kind: str = "best"


@dataclass
class Case:
    """One case and all that is decided for it."""

    cams: Sequence[Cam]
    spots: Sequence[Spot]
    numbers: Numbers
    count: int
    held: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    taken: list[Taken] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.want = [spot.mass for spot in self.spots]
        self.left = list(self.want)
        total = sum(self.want)
        self.middle = (
            sum(s.mass * s.x_m for s in self.spots) / total,
            sum(s.mass * s.y_m for s in self.spots) / total,
        )

    def chosen(self) -> set[str]:
        return {taken.name for taken in self.taken}

    def mates(self, cam: Cam) -> int:
        by_name = {c.name: c for c in self.cams}
        others = [by_name[t.name] for t in self.taken]
        return sum(o.kind == "loose" and o.site == cam.site for o in others) if cam.kind == "loose" else 0

    def p(self, cam: Cam, spot: Spot, aim: Aim) -> float:
        metres = int(math.hypot(spot.x_m - cam.x_m, spot.y_m - cam.y_m) + 0.5)
        if metres > cam.reach_m:
            return 0.0
        bin_ = int(_bearing(cam.x_m, cam.y_m, spot.x_m, spot.y_m) / 3) % 120
        towards = 3 * bin_ + 1.5
        heading, observe_m = 1.0, cam.observe_m[0]
        if cam.kind == "turning":
            if aim is None or _turn(aim[0], towards) > aim[1] / 2 + 1e-6:
                return 0.0
            observe_m *= math.tan(math.radians(self.numbers.zooms_deg[0] / 2)) / math.tan(math.radians(aim[1] / 2))
        elif cam.kind == "fixed" and _turn(cam.azimuth_deg, towards) > cam.field_deg / 2 + 1e-6:
            return 0.0
        elif cam.kind == "loose":
            heading = cam.field_deg / 360
            if cam.facing_n:
                heading = sum(_turn(3 * b + 1.5, towards) <= 37.5 for b in cam.facing_bins) / cam.facing_n
            rest = 1 - self.mates(cam) * heading
            heading = min(heading / rest, 1.0) if rest > 1e-12 else float(heading > 0)
        level = 1.0 if metres <= observe_m else self.numbers.weak if metres <= observe_m * DETECT_PER_OBSERVE else 0.0
        return level * math.exp(-metres / self.numbers.clutter_m) * heading * cam.factor[bin_ // 10]

    def gain(self, cam: Cam, aim: Aim) -> float:
        return sum(w * self.p(cam, s, aim) for w, s in zip(self.want, self.spots, strict=True))

    def score(self, cam: Cam, aim: Aim, gain: float) -> float:
        if cam.name not in self.held:
            return gain
        if cam.kind != "turning" or aim is None:
            return gain + self.numbers.held_bonus
        turn = _turn(self.held[cam.name][0], aim[0])
        bonus = self.numbers.held_bonus / (1 if turn <= 30 else 2)
        return gain + bonus - self.numbers.travel_cost * turn / 180

    def aims(self, cam: Cam) -> list[Aim]:
        if cam.kind != "turning":
            return [None]
        aims: list[Aim] = [self.held[cam.name]] if cam.name in self.held else []
        for zoom_deg in self.numbers.zooms_deg:
            step = self.numbers.step_deg if zoom_deg == self.numbers.zooms_deg[0] else self.numbers.zoom_step_deg
            aims += [(k * step, zoom_deg) for k in range(math.ceil(360 / step))]
        return aims

    def best(self) -> tuple[Cam, Aim, float] | None:
        """Return the camera and aim of the best score among those that add enough."""
        offers = []
        for cam in self.cams:
            if cam.name in self.chosen():
                continue
            floor = self.numbers.min_gain
            if cam.kind == "turning" and cam.name not in self.held:
                floor = max(floor, self.numbers.ptz_min_gain)
            for aim in self.aims(cam):
                gain = self.gain(cam, aim)
                if gain >= floor and gain > 0:
                    order = (round(-self.score(cam, aim, gain), 9), *self.nearness(cam))
                    offers.append((order, cam, aim, gain))
        if not offers:
            return None
        _, cam, aim, gain = min(offers, key=lambda offer: offer[0])
        return cam, aim, gain

    def nearness(self, cam: Cam) -> tuple[float, int]:
        digest = hashlib.blake2b(cam.name.encode(), digest_size=8).digest()
        return math.dist(self.middle, (cam.x_m, cam.y_m)), int.from_bytes(digest, "little")

    def take(self, cam: Cam, aim: Aim, kind: str) -> None:
        p = [self.p(cam, spot, aim) for spot in self.spots]
        gain = sum(w * q for w, q in zip(self.want, p, strict=True))
        self.want = [w * (1 - q) for w, q in zip(self.want, p, strict=True)]
        self.left = [w * (1 - q) for w, q in zip(self.left, p, strict=True)]
        self.taken.append(Taken(cam.name, aim, gain, kind))

    def decide(self, *, fill: bool = False) -> "Case":
        """Choose greedily: the best, then second views, then the nearest."""
        for kind in ("best", "second"):
            if kind == "second" and len(self.taken) < self.count:
                self.want = [spot.mass for spot in self.spots]
            while len(self.taken) < self.count and (offer := self.best()) is not None:
                self.take(offer[0], offer[1], kind)
        left = (c for c in self.cams if c.name not in self.chosen() and self.nearness(c)[0] <= FILL_M_MAX)
        nearest = sorted(left, key=self.nearness)
        for cam in nearest[: self.count - len(self.taken)] if fill else ():
            self.take(cam, self.held.get(cam.name), "filled")
        return self

    def loss(self, taken: Taken) -> float:
        """Return what would be lost without one of those taken, the best of those not taken in its place."""
        by_name, without = {cam.name: cam for cam in self.cams}, [spot.mass for spot in self.spots]
        for other in self.taken:
            if other.name != taken.name:
                shown = (self.p(by_name[other.name], spot, other.aim) for spot in self.spots)
                without = [w * (1 - p) for w, p in zip(without, shown, strict=True)]

        def added(cam: Cam, aim: Aim) -> float:
            return sum(w * self.p(cam, spot, aim) for w, spot in zip(without, self.spots, strict=True))

        spare = [added(cam, aim) for cam in self.cams if cam.name not in self.chosen() for aim in self.aims(cam)]
        return max(added(by_name[taken.name], taken.aim) - max(spare, default=0.0), 0.0)

    def utility(self) -> float:
        return sum(spot.mass for spot in self.spots) - sum(self.left)


def best_utility(cams: Sequence[Cam], spots: Sequence[Spot], numbers: Numbers, count: int) -> float:
    """Return the utility of the best set of at most so many cameras and aims, by trying all; of known headings only."""
    best = 0.0
    for members in itertools.combinations(cams, min(count, len(cams))):
        case = Case(cams, spots, numbers, count)
        for aims in itertools.product(*(case.aims(cam) for cam in members)):
            left = [spot.mass for spot in spots]
            for cam, aim in zip(members, aims, strict=True):
                left = [w * (1 - case.p(cam, spot, aim)) for w, spot in zip(left, spots, strict=True)]
            best = max(best, sum(spot.mass for spot in spots) - sum(left))
    return best


def _bearing(x0: float, y0: float, x1: float, y1: float) -> float:
    return math.degrees(math.atan2(x1 - x0, y1 - y0)) % 360


def _turn(one_deg: float, other_deg: float) -> float:
    return abs((other_deg - one_deg + 180) % 360 - 180)
