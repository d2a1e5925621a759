"""Twenty people in a 300 m circle whose cases want the same PTZ heads, under several rules of who gets a head."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from benchmarks.eyes_on.baselines import Decider
from benchmarks.eyes_on.cameras import PTZ_WIDEST_DEG, TURNING, Registry, camera_id, registry_of
from benchmarks.eyes_on.cells import SEEDS, cameras_in, walls_in
from benchmarks.eyes_on.engine_cases import EngineCases
from benchmarks.eyes_on.engine_side import GRANT_AFTER_US, T0_US, US_PER_S, EngineSide, policy_for
from benchmarks.eyes_on.maps import CityMap, city_map
from benchmarks.eyes_on.scoring import Figure, ratio, scores_of
from benchmarks.eyes_on.sights import Sights, sights_of
from benchmarks.eyes_on.trackers import STEP_S, TrackerReports, reports_of
from benchmarks.eyes_on.truth import walks_of
from benchmarks.eyes_on.views import OPEN_S, SETTLE_S, SLEW_DEG_PER_S, View, ViewBoard
from pipeline.reading.batch import StepResult
from pipeline.rules.policy import Policy
from schemas.ptz import PtzAction, PtzRequest
from schemas.topics import PTZ_GRANTS, PTZ_REQUESTS, Topic

CASES, CIRCLE_M, INTERVAL_S = 20, 300.0, 60
ROUNDS, ROUND_S = 12, 1_200
DWELL_S, MARGIN = 20.0, 0.05
# For so many seconds of each step of 10 s wishes, answers and ticks go back and forth; what is left waits for the next.
SETTLING_S = 4
RULES = ("no-conflict", "last-writer", "locks", "auction")


class SharedBoard(ViewBoard):
    """Views of people in one world: a head looks where its holder turned it, whoever else looks through it.

    Args:
        sights: what can be shown.
        slots: most views of a person.
        rule: ``last-writer`` (the newest wish), ``locks`` (the first until it gives back) or ``auction`` (the highest
            bid, by more than a margin and after a dwell time).
        desk: who answers the engine's own wishes; None lets the views' probabilities bid instead.
    """

    def __init__(self, sights: Sights, slots: int, rule: str, desk: "Desk | None" = None) -> None:
        super().__init__(sights, slots)
        self._rule = rule
        self._desk = desk
        self._wish: dict[int, dict[int, tuple[float, View]]] = {}
        self._holder: dict[int, tuple[int, float]] = {}
        self._actual: dict[int, tuple[float, float]] = {}

    def turn(self, episode: int, slot: int, view: View, now_s: float) -> float:
        """Note the wish; heads are turned when all wishes of a moment are known."""
        home_deg = float(self.sights.cameras.heading_deg[view.camera])
        now = self._actual.get(view.camera, (home_deg, PTZ_WIDEST_DEG))
        self.pan_deg[episode, slot], self.field_deg[episode, slot] = now
        if self.sights.cameras.kind[view.camera] == TURNING and view.pan_deg is not None:
            self._wish.setdefault(view.camera, {})[episode] = (now_s, view)
        elif view.camera in self._wish:
            self._wish[view.camera].pop(episode, None)
        return 0.0

    def settle(self, now_s: float) -> None:
        """Decide on all heads and turn them."""
        for camera, wishes in self._wish.items():
            rows, slots = np.nonzero((self.camera == camera) & (self.end_s > now_s))
            for gone in set(wishes) - set(rows.tolist()):
                del wishes[gone]
            if not wishes:
                self._holder.pop(camera, None)
                continue
            episode = self._winner(camera, wishes, now_s)
            view = wishes[episode][1]
            home_deg = float(self.sights.cameras.heading_deg[camera])
            pan_deg, field_deg = self._actual.get(camera, (home_deg, PTZ_WIDEST_DEG))
            new = (view.pan_deg or 0.0, min(view.field_deg or PTZ_WIDEST_DEG, PTZ_WIDEST_DEG))
            turn_deg = abs((new[0] - pan_deg + 180.0) % 360.0 - 180.0)
            if turn_deg > 1.0 or abs(new[1] - field_deg) > 0.5:
                self.turned_deg[episode] += turn_deg
                ready_s = now_s + turn_deg / SLEW_DEG_PER_S + SETTLE_S
                self.ready_s[rows, slots] = np.maximum(self.ready_s[rows, slots], ready_s)
            self._actual[camera] = new
            self.pan_deg[rows, slots], self.field_deg[rows, slots] = new

    def _winner(self, camera: int, wishes: dict[int, tuple[float, View]], now_s: float) -> int:
        held = self._holder.get(camera)
        granted_to = None if self._desk is None else self._desk.holder(camera)
        if granted_to in wishes:
            return granted_to
        if self._rule == "last-writer":
            best = max(wishes, key=lambda e: (wishes[e][0], e))
        elif held is not None and held[0] in wishes and self._rule == "locks":
            return held[0]
        else:
            best = max(wishes, key=lambda e: (wishes[e][1].value, -e))
            if held is not None and held[0] in wishes and self._rule == "auction":
                gain = wishes[best][1].value - wishes[held[0]][1].value
                if now_s - held[1] < DWELL_S or gain <= MARGIN:
                    return held[0]
        if held is None or held[0] != best:
            self._holder[camera] = (best, now_s)
        return best


class ContendedSide(EngineSide):
    """The engine with its own camera desk as the arbiter: its wishes are answered within a second, ticks go on.

    Attributes:
        desk: which case each head was moved for.
    """

    def __init__(self, city: CityMap, registry: Registry, policy: Policy) -> None:
        super().__init__(city, registry, policy)
        self.desk = Desk()
        self.on_result = self.desk.note
        self._asked: list[PtzRequest] = []

    def step(self, now_s: float, records: Iterable[tuple[Topic, Any]], *, tick: bool = True) -> StepResult:
        """Let the engine take records that arrive together, and in the seconds after them what its desk answers."""
        now_us = T0_US + int(now_s * US_PER_S)
        result = self.unit(list(records), now_us, tick_us=now_us if tick else None)
        asked, grants = [*self._asked, *result.ptz_requests], result.ptz_grants
        for second in range(SETTLING_S):
            if not asked and not grants:
                break
            at_us = now_us + second * US_PER_S + GRANT_AFTER_US
            answered = self.unit([(PTZ_REQUESTS, request) for request in asked], at_us)
            grants = [*grants, *answered.ptz_grants]
            told_us = at_us + GRANT_AFTER_US
            after = self.unit([(PTZ_GRANTS, grant) for grant in grants], told_us, tick_us=told_us)
            result.assignments += after.assignments
            asked, grants = [*answered.ptz_requests, *after.ptz_requests], after.ptz_grants
        self._asked = asked
        return result


class Desk:
    """Which case each head was moved for, by the commands of the engine's desk."""

    def __init__(self) -> None:
        self._holder: dict[str, str] = {}

    def holder(self, camera: int) -> int | None:
        """Return the person whose case the newest command of a camera's head was for."""
        case_id = self._holder.get(camera_id(camera))
        return None if case_id is None else int(case_id.rsplit("-", 1)[1])

    def note(self, result: StepResult) -> None:
        """Remember which case each head was moved for."""
        for command in result.ptz_commands:
            if command.action == PtzAction.MOVE and command.case_id is not None:
                self._holder[command.camera_id] = command.case_id
            elif command.action in (PtzAction.RELEASE, PtzAction.RETURN_HOME):
                self._holder.pop(command.camera_id, None)


def run_contention(city_name: str, rule: str, *, rounds: int = ROUNDS, seeds: str = "test") -> Figure:
    """Return the share of the ceiling that is seen under a rule, zoom allowed, without feedback."""
    city, true = city_map(city_name), cameras_in(city_name, "clean")
    registry = registry_of(true, "clean")
    seen, possible = [], []
    for number in range(rounds):
        rng = np.random.default_rng([number, 5])
        middle = int(rng.choice(len(true)))  # where cameras are
        circle = (float(true.x_m[middle]), float(true.y_m[middle]), CIRCLE_M)
        first = 5_000 + number * CASES
        walks = walks_of(city, SEEDS[seeds][first : first + CASES], ROUND_S, circle)
        sights = sights_of(walks, true, walls_in(city_name))
        policy = policy_for(4, zoom=True)
        side = ContendedSide(city, registry, policy) if rule == "auction" else EngineSide(city, registry, policy)
        desk = side.desk if isinstance(side, ContendedSide) else None
        decider = EngineCases(side, city)
        board = _play(decider, sights, reports_of(walks, INTERVAL_S), rule, desk)
        scores = scores_of(board, sights, zoom=True)
        seen.append(scores.seen_s.sum())
        possible.append(scores.possible_s.sum())
    return ratio(np.array(seen), np.array(possible))


def _play(decider: Decider, sights: Sights, reports: TrackerReports, rule: str, desk: Desk | None) -> ViewBoard:
    shared = None if rule == "no-conflict" else SharedBoard(sights, decider.slots, rule, desk)
    board = shared or ViewBoard(sights, decider.slots)
    for now_s in range(0, sights.seconds, STEP_S):
        for episode, views in decider.decide(now_s, reports, None).items():
            board.show(episode, views, now_s, overlap_s=OPEN_S if decider.overlap_s else 0.0)
        if shared is not None:
            shared.settle(now_s)
        board.watch(now_s, now_s + STEP_S)
    return board
