"""The made-up city's streets: an irregular grid on a plane of metres, and ways along it."""

import heapq
import itertools
import math
from dataclasses import dataclass
from random import Random

# Mean metres per degree of latitude on a sphere of 6,371,008.8 m (IUGG mean radius).
M_PER_DEGREE = 111_195.08
GRID_LINES = 50
SHARE_OF_STREETS_MISSING = 0.12
# How likely a walker goes back at a junction; a lost person mostly walks on (SELECTION: 0.09).
BACK_WEIGHT = 0.09
TURN_WEIGHT = 0.18
STRAIGHT_WEIGHT = 0.55


@dataclass(frozen=True, slots=True)
class Spot:
    """A place on the plane, metres east and north of the city's centre."""

    east_m: float
    north_m: float

    def distance_m(self, other: "Spot") -> float:
        """Return the distance to another spot in metres."""
        return math.hypot(other.east_m - self.east_m, other.north_m - self.north_m)

    def towards(self, other: "Spot", distance_m: float) -> "Spot":
        """Return the spot ``distance_m`` from here on the line to another one; itself when both are one."""
        whole_m = self.distance_m(other)
        if whole_m == 0:
            return self
        share = distance_m / whole_m
        return Spot(
            self.east_m + (other.east_m - self.east_m) * share, self.north_m + (other.north_m - self.north_m) * share
        )

    def shifted(self, random: Random, error_m: float) -> "Spot":
        """Return a spot near this one as a positioning error would give it: normal on both axes.

        Args:
            random: where chance comes from.
            error_m: radius that holds 68 % of the results, metres.
        """
        sigma_m = error_m / 1.51  # 68 % of a two-dimensional normal lie within 1.51 sigma
        return Spot(self.east_m + random.gauss(0, sigma_m), self.north_m + random.gauss(0, sigma_m))


@dataclass(frozen=True, slots=True)
class Plane:
    """Metres to degrees around a centre; good to a metre within ten kilometres."""

    centre_lat_deg: float
    centre_lon_deg: float

    def degrees(self, spot: Spot) -> tuple[float, float]:
        """Return latitude and longitude of a spot, WGS 84 degrees with seven decimals (about a centimetre)."""
        lat_deg = self.centre_lat_deg + spot.north_m / M_PER_DEGREE
        across = M_PER_DEGREE * math.cos(math.radians(self.centre_lat_deg))
        return round(lat_deg, 7), round(self.centre_lon_deg + spot.east_m / across, 7)

    def spot(self, lat_deg: float, lon_deg: float) -> Spot:
        """Return the spot of a place in degrees."""
        across = M_PER_DEGREE * math.cos(math.radians(self.centre_lat_deg))
        return Spot((lon_deg - self.centre_lon_deg) * across, (lat_deg - self.centre_lat_deg) * M_PER_DEGREE)


@dataclass(frozen=True, slots=True)
class Streets:
    """Junctions and the streets between them; every junction can be reached from every other."""

    junctions: tuple[Spot, ...]
    neighbours: tuple[tuple[int, ...], ...]

    def nearest(self, spot: Spot) -> int:
        """Return the number of the junction nearest to a spot."""
        return min(range(len(self.junctions)), key=lambda number: self.junctions[number].distance_m(spot))

    def pieces(self) -> list[tuple[int, int]]:
        """Return every street between two neighbouring junctions once."""
        return [(here, there) for here, around in enumerate(self.neighbours) for there in around if here < there]

    def route(self, start: int, end: int) -> list[Spot]:
        """Return the shortest way between two junctions, both included."""
        best_m = {start: 0.0}
        came_from: dict[int, int] = {}
        queue = [(0.0, start)]
        while queue:
            so_far_m, here = heapq.heappop(queue)
            if here == end:
                break
            if so_far_m > best_m[here]:
                continue
            for there in self.neighbours[here]:
                there_m = so_far_m + self.junctions[here].distance_m(self.junctions[there])
                if there_m < best_m.get(there, math.inf):
                    best_m[there] = there_m
                    came_from[there] = here
                    heapq.heappush(queue, (there_m, there))
        way = [end]
        while way[-1] != start:
            way.append(came_from[way[-1]])
        return [self.junctions[number] for number in reversed(way)]

    def walk(self, random: Random, start: int, at_least_m: float) -> list[Spot]:
        """Return the junctions a lost person passes from ``start`` until ``at_least_m`` are walked."""
        here, before, walked_m = start, None, 0.0
        way = [self.junctions[start]]
        while walked_m < at_least_m:
            there = random.choices(self.neighbours[here], self._turn_weights(before, here))[0]
            walked_m += self.junctions[here].distance_m(self.junctions[there])
            before, here = here, there
            way.append(self.junctions[here])
        return way

    def _turn_weights(self, before: int | None, here: int) -> list[float]:
        """Return how likely each street of a junction is taken by somebody who comes from ``before``."""
        if before is None:
            return [1.0] * len(self.neighbours[here])
        weights = []
        for there in self.neighbours[here]:
            if there == before:
                weights.append(BACK_WEIGHT)
                continue
            bend = _bend_deg(self.junctions[before], self.junctions[here], self.junctions[there])
            weights.append(STRAIGHT_WEIGHT if bend < 45 else TURN_WEIGHT)
        return weights


def length_m(way: list[Spot]) -> float:
    """Return the length of a way in metres."""
    return sum(here.distance_m(there) for here, there in itertools.pairwise(way))


def along(way: list[Spot], distance_m: float) -> Spot:
    """Return the spot ``distance_m`` from the start of a way; its end when the way is shorter."""
    return rest_of(way, distance_m)[0]


def rest_of(way: list[Spot], distance_m: float) -> list[Spot]:
    """Return what is left of a way ``distance_m`` from its start; only its end when the way is shorter."""
    left_m = distance_m
    for number, (here, there) in enumerate(itertools.pairwise(way), start=1):
        piece_m = here.distance_m(there)
        if left_m < piece_m:
            return [here.towards(there, left_m), *way[number:]]
        left_m -= piece_m
    return way[-1:]


def streets_of(random: Random) -> Streets:
    """Return an irregular grid of about 2,400 junctions on about 5.6 by 5.6 kilometres around (0, 0)."""
    spots = _junctions(random)
    edges: dict[int, set[int]] = {number: set() for number in range(len(spots))}
    for column in range(GRID_LINES):
        for row in range(GRID_LINES):
            here = column * GRID_LINES + row
            if column + 1 < GRID_LINES and random.random() > SHARE_OF_STREETS_MISSING:
                _join(edges, here, here + GRID_LINES)
            if row + 1 < GRID_LINES and random.random() > SHARE_OF_STREETS_MISSING:
                _join(edges, here, here + 1)
            if column == row and column + 1 < GRID_LINES:  # an avenue from corner to corner
                _join(edges, here, here + GRID_LINES + 1)
    return _connected(spots, edges)


def _junctions(random: Random) -> list[Spot]:
    easts_m, norths_m = _lines_m(random), _lines_m(random)
    spots = []
    for east_m in easts_m:
        for north_m in norths_m:
            # The grid bends slowly (a valley, an old road) and every junction is a little off it.
            bent_east_m = east_m + 60 * math.sin(north_m / 700) + random.gauss(0, 9)
            bent_north_m = north_m + 45 * math.sin(east_m / 900) + random.gauss(0, 9)
            spots.append(Spot(bent_east_m, bent_north_m))
    return spots


def _lines_m(random: Random) -> list[float]:
    """Return the positions of one direction's streets, 75 to 150 m apart, centred on 0."""
    lines_m = [0.0]
    for _ in range(GRID_LINES - 1):
        lines_m.append(lines_m[-1] + random.uniform(75, 150))
    middle_m = (lines_m[0] + lines_m[-1]) / 2
    return [line_m - middle_m for line_m in lines_m]


def _join(edges: dict[int, set[int]], here: int, there: int) -> None:
    edges[here].add(there)
    edges[there].add(here)


def _connected(spots: list[Spot], edges: dict[int, set[int]]) -> Streets:
    """Return the largest part in which every junction reaches every other, numbered anew."""
    unseen, largest = set(edges), set[int]()
    while unseen:
        part, queue = set[int](), [min(unseen)]
        while queue:
            here = queue.pop()
            if here not in part:
                part.add(here)
                queue.extend(edges[here] - part)
        unseen -= part
        largest = max(largest, part, key=len)
    kept = sorted(largest)
    number_of = {old: new for new, old in enumerate(kept)}
    neighbours = tuple(tuple(sorted(number_of[there] for there in edges[old])) for old in kept)
    return Streets(tuple(spots[old] for old in kept), neighbours)


def _bend_deg(before: Spot, here: Spot, there: Spot) -> float:
    """Return by how much the way bends at ``here``, 0 (straight on) to 180 (back)."""
    came = math.atan2(here.east_m - before.east_m, here.north_m - before.north_m)
    goes = math.atan2(there.east_m - here.east_m, there.north_m - here.north_m)
    return abs((math.degrees(goes - came) + 180) % 360 - 180)
