"""The scenes of the story, each a function that drops files at its times (seconds from the story's start)."""

import base64
import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from console.demo.city import SyntheticCity
from console.demo.replay_lines import ReplayLines
from console.demo.report_files import ReportFiles
from console.demo.streets import Spot, along, rest_of
from console.demo.walker import Walker, walk_along

POLICE, FIRE, REPLAY = "police_112", "fire_119", "file_replay"
# The police agency of the demo city by its city.toml: where calls are put that could not be located.
AGENCY = Spot(26.5, 33.4)
# A row whose cells have slipped: neither type nor time can be read.
NO_CALL = ["??", "보기청", "17/06", "later", "", "", "", "one-oh-two", "", "", "x", "y", ""]
FIRE_ENGINE_SPEED_MPS = 8.0
FIX_INTERVAL_S = 120


@dataclass(frozen=True, slots=True)
class Stage:
    """What a scene plays on.

    Attributes:
        city: where it happens.
        files: writes what 112 and 119 export.
        random: where chance comes from; each scene has its own.
        start_us: the story's start, UTC microseconds since the epoch.
        tag: makes ids differ between stories.
        drop: drops a file: seconds from the start, connector, content, what happens.
        robbed: where the robbery is, once its scene has been played.
        walkers: who truly walks where.
        reported: when a place of a walker came in, where, and its 68 % radius in metres; by case id.
    """

    city: SyntheticCity
    files: ReportFiles
    random: Random
    start_us: int
    tag: str
    drop: Callable[[float, str, bytes, str], None]
    robbed: list[Spot] = field(default_factory=list)
    walkers: list[Walker] = field(default_factory=list)
    reported: dict[str, list[tuple[float, Spot, float]]] = field(default_factory=dict)

    def us(self, at_s: float) -> int:
        """Return a time of the story in UTC microseconds since the epoch."""
        return self.start_us + int(at_s * 1_000_000)

    def junction_near(self, east_m: float, north_m: float) -> int:
        """Return a junction somewhere around a spot, up to 150 m off."""
        spot = Spot(east_m + self.random.uniform(-150, 150), north_m + self.random.uniform(-150, 150))
        return self.city.streets.nearest(spot)

    def spot(self, junction: int) -> Spot:
        """Return where a junction is."""
        return self.city.streets.junctions[junction]

    def pseudonym(self, person: str) -> str:
        """Return what the welfare system calls a person of the story: no key, because there is no person."""
        digest = hashlib.sha256(f"{self.tag}:{person}".encode()).digest()[:15]
        return "s:" + base64.b32encode(digest).decode("ascii").lower()

    def lines(self) -> ReplayLines:
        """Return a writer of recorded events."""
        return ReplayLines(self.city.plane, self.tag)


def robbery(stage: Stage) -> None:
    """A robbery at a junction: reported, placed better by the patrol, the robber seen twice, closed after an arrest."""
    number = f"{stage.tag}-0001"
    junction = stage.junction_near(-500, 450)
    spot, flight = stage.spot(junction), stage.city.streets.walk(stage.random, junction, 600)
    stage.robbed.append(spot)
    reported_us = stage.us(20)

    def row(state: int, place: Spot, end: str = "") -> bytes:
        return stage.files.police(number, reported_us, "C0", state=state, case_type=102, spot=place, end=end)

    stage.drop(21, POLICE, row(2, spot.shifted(stage.random, 25)), "112: a robbery, the caller is on the line")
    stage.drop(105, POLICE, row(4, spot), "112: a patrol car is sent, the place is known better")
    stage.drop(375, POLICE, row(5, along(flight, 250)), "112: the robber was seen two streets away")
    stage.drop(750, POLICE, row(5, along(flight, 420)), "112: the robber is in a yard")
    stage.drop(1_110, POLICE, row(6, along(flight, 420), "101"), "112: robbery closed, one arrest")


def structure_fire(stage: Stage) -> None:
    """A house on fire: an engine comes along its route, the fire grows to level 2, shrinks again and is out."""
    number = f"{stage.tag}90"
    fire = stage.junction_near(800, -450)
    spot, reported_us = stage.spot(fire), stage.us(80)
    route = stage.city.streets.route(stage.junction_near(1_500, -1_200), fire)

    def row(progress: str, level: int, at_s: float) -> bytes:
        left = rest_of(route, FIRE_ENGINE_SPEED_MPS * max(at_s - 120, 0))
        return stage.files.fire(number, reported_us, progress, level=level, spot=spot, unit="보기소방-펌프-1", way=left)

    stage.drop(82, FIRE, row("1차출동", 1, 82), "119: a house burns, an engine is on its way")
    stage.drop(150, FIRE, row("출동", 1, 150), "119: the engine's position")
    stage.drop(190, FIRE, row("출동", 1, 190), "119: the engine's position")
    stage.drop(290, FIRE, row("현장도착", 1, 2_000), "119: the engine has arrived")
    stage.drop(480, FIRE, row("화재진압", 2, 2_000), "119: response level 2")
    stage.drop(960, FIRE, row("초진", 1, 2_000), "119: level 1 again")
    stage.drop(1_680, FIRE, row("완진", 1, 2_000), "119: the fire is out")


def flood(stage: Stage) -> None:
    """A stream over its banks: cameras of the area until the alert is lifted."""
    middle = stage.spot(stage.junction_near(-1_000, -500))
    bank = [
        Spot(
            middle.east_m + 230 * math.cos(turn) * stage.random.uniform(0.8, 1.1), middle.north_m + 140 * math.sin(turn)
        )
        for turn in (math.tau * corner / 9 for corner in range(9))
    ]
    lines = stage.lines()

    def alert(at_s: float, status: str) -> bytes:
        return lines.disaster(
            stage.us(at_s), status, since_us=stage.us(540), kind="flood", level="alert", middle=middle, outline=bank
        )

    stage.drop(540, REPLAY, alert(540, "reported"), "disaster centre: flood alert for an area")
    stage.drop(1_380, REPLAY, alert(1_380, "closed"), "disaster centre: flood alert lifted")


def missing_child(stage: Stage) -> None:
    """A child lost at a market: reported, seen by a beacon a quarter of an hour later, found."""
    person = stage.pseudonym("child")
    market = stage.junction_near(250, 800)
    way = stage.city.streets.walk(stage.random, market, 700)
    seen = along(way, 420)
    lines = stage.lines()

    def report(at_s: float, status: str, spot: Spot, accuracy_m: float) -> bytes:
        place = spot.shifted(stage.random, accuracy_m)
        return lines.child(
            stage.us(at_s), status, since_us=stage.us(600), person=person, spot=place, accuracy_m=accuracy_m
        )

    stage.drop(600, REPLAY, report(600, "reported", way[0], 25), "child protection: a child is lost at a market")
    stage.drop(960, REPLAY, report(960, "updated", seen, 15), "child protection: a beacon heard the child's tag")
    stage.drop(1_380, REPLAY, report(1_380, "closed", seen, 15), "child protection: the child is found")


def person_with_dementia(stage: Stage) -> None:
    """A person with dementia leaves the safe zone; the tracker sends a fix every two minutes until a patrol finds them.

    Once somebody who knows them calls, and the operator clicks on the map where that was.
    """
    person = stage.pseudonym("elder")
    begin_s, seen_s, end_s = 120, 1_200, 2_100
    way = stage.city.streets.walk(stage.random, stage.junction_near(1_100, 700), (end_s - begin_s) * 1.3)
    walker = walk_along(stage.random, way, case_id=person, begin_s=begin_s, end_s=end_s)
    stage.walkers.append(walker)
    lines, reported = stage.lines(), stage.reported.setdefault(person, [])
    home = walker.place(begin_s).shifted(stage.random, 20)
    alert = lines.wandering(stage.us(begin_s), person, "safe-zone-exit", spot=home, accuracy_m=20.0)
    stage.drop(begin_s, REPLAY, alert, "dementia care: somebody has left the safe zone; a fix every two minutes")
    reported.append((begin_s, home, 20.0))
    for at_s in range(begin_s + 30, end_s, FIX_INTERVAL_S):
        # The network takes a few seconds; the error changes from fix to fix.
        measured_s = at_s - stage.random.uniform(2, 8)
        error_m = stage.random.uniform(10, 60)
        place = walker.place(measured_s).shifted(stage.random, error_m)
        fix = lines.fix(stage.us(at_s), person, fix_us=stage.us(measured_s), spot=place, accuracy_m=error_m)
        stage.drop(at_s, REPLAY, fix, "")
        reported.append((at_s, place, error_m))
    met = walker.place(seen_s - 20).shifted(stage.random, 10)
    look = lines.sighting(stage.us(seen_s), person, seen_us=stage.us(seen_s - 20), spot=met, accuracy_m=10.0)
    stage.drop(seen_s, REPLAY, look, "an operator: a shopkeeper saw the person with dementia, a click on the map")
    reported.append((seen_s, met, 10.0))
    found = lines.wandering(stage.us(end_s), person, "found", spot=walker.place(end_s), accuracy_m=10.0)
    stage.drop(end_s, REPLAY, found, "dementia care: found, well")


def odd_calls(stage: Stage) -> None:
    """Calls that must be answered without cameras: no place, not urgent, an exercise, a row that is none."""
    # Around the corner from the robbery: both want the same heads.
    near = Spot(stage.robbed[0].east_m + 70, stage.robbed[0].north_m - 40)
    files, place = stage.files, stage.spot(stage.city.streets.nearest(near))
    x_deg, y_deg = reversed(stage.city.plane.degrees(AGENCY))
    call, called_us = f"{stage.tag}-0002", stage.us(145)
    unlocated = files.police(call, called_us, "C1", state=2, case_type=201, point=(f"{x_deg:.6f}", f"{y_deg:.6f}"))
    stage.drop(147, POLICE, unlocated, "112: a call for help, position unknown (the agency's own)")
    located = files.police(call, called_us, "C1", state=3, case_type=201, spot=place)
    stage.drop(420, POLICE, located, "112: the caller is located, near the robbery")
    closed = files.police(call, called_us, "C1", state=6, case_type=201, spot=place, end="105")
    stage.drop(1_260, POLICE, closed, "112: closed")

    flat = stage.spot(stage.junction_near(-900, 1_000))
    noise = files.police(f"{stage.tag}-0003", stage.us(236), "C4", state=2, case_type=604, spot=flat)
    stage.drop(238, POLICE, noise, "112: noise, a complaint (C4)")

    yard = stage.spot(stage.junction_near(350, -250))
    drill = files.police(f"{stage.tag}-0004", stage.us(330), "C1", state=2, case_type=507, spot=yard)
    stage.drop(332, POLICE, drill, "112: an exercise, which nobody will close: its lease will end it")

    stage.drop(390, POLICE, files.police_rows(NO_CALL), "112: a broken row")
