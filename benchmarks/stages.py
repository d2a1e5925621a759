"""CPU-time of each stage of the engine, measured over many batches in this process."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from benchmarks.partition import CAMERAS_PER_CASE, BenchPartition
from pipeline.belief.glance import Glance
from pipeline.choice.choosing import Wishes, choose_many
from pipeline.reading.intake import Fixes
from pipeline.rules.policy import US_PER_S, Policy
from pipeline.sight.camera_grid import CameraGrid
from pipeline.sight.optics import Optics
from pipeline.steps.fix_rules import FixRound
from pipeline.steps.fix_work import apply_fix_round
from pipeline.steps.look_work import apply_looks
from pipeline.steps.step_work import DELIBERATIONS_MAX, Ask, StepWork
from schemas.codec import encode
from schemas.sighting import Sighting, SightingResult, SightingSource
from schemas.topics import SIGHTINGS

FIX_BATCH = 1_000
FIX_ROUNDS = 10
# Between two fixes of a person; so far the belief is moved before the second is weighed.
FIX_GAP_S = 60.0
LOOKS = 3_200
ZOOM_FIELDS_DEG = ((60.0,), (60.0, 30.0, 12.0))
# Issue goals, microseconds at p50.
GOAL_QUIET_US, GOAL_OPEN_US, GOAL_DECISION_US = 5.0, 50.0, 100.0


@dataclass(slots=True)
class Stage:
    """CPU-microseconds of one stage.

    Attributes:
        name: what is done.
        unit: for one of what.
        batch: how many at once.
        goal_us: what it may cost at p50; None without a goal.
        spent_us: for one unit, a figure for each batch.
    """

    name: str
    unit: str
    batch: int
    goal_us: float | None = None
    spent_us: list[float] = field(default_factory=list)

    def percentile_us(self, percent: float) -> float:
        """Return a percentile over the batches."""
        return float(np.percentile(self.spent_us, percent))

    @contextmanager
    def timed(self, count: int) -> Iterator[None]:
        """Note what the block costs, for so many units."""
        began_s = time.process_time()
        yield
        self.spent_us.append((time.process_time() - began_s) / count * 1e6)


def stages_of(bench: BenchPartition) -> list[Stage]:
    """Return all stages, measured on a partition whose cases are open."""
    bench.hear_quiet()
    return [*_fixes(bench), *_decisions(bench), *_choices(bench), *_sightings(bench)]


def _fixes(bench: BenchPartition) -> list[Stage]:
    decode = Stage("decode and check a fix", "fix", FIX_BATCH)
    quiet = Stage("fix of a subject without an open case: rules and track", "fix", FIX_BATCH, GOAL_QUIET_US)
    moved = Stage("fix into an open case: rules, move 60 s, weigh, draw anew", "fix", FIX_BATCH, GOAL_OPEN_US)
    rows = Stage("track and belief of an open case to bytes", "fix", FIX_BATCH)
    rng = np.random.default_rng(7)
    for _ in range(FIX_ROUNDS):
        bench.pass_time(FIX_GAP_S)
        for subjects in np.array_split(rng.permutation(bench.cases), max(bench.cases // FIX_BATCH, 1)):
            raw = bench.fixes(subjects)
            with decode.timed(len(subjects)):
                taken = bench.read(raw)
            work = StepWork(bench.state, bench.scenery, bench.policy)
            with moved.timed(len(subjects)):
                apply_fix_round(work, _round_of(bench, taken.fixes))
            with rows.timed(len(subjects)):
                bench.writer.outgoing(work.finish(), bench.now_us)
            others = bench.fixes(bench.cases + rng.choice(bench.quiet, min(FIX_BATCH, bench.quiet), replace=False))
            taken = bench.read(others)
            with quiet.timed(len(others.keys)):
                bench.step(taken)
    return [decode, quiet, moved, rows]


def _round_of(bench: BenchPartition, fixes: Fixes | None) -> FixRound:
    assert fixes is not None
    return FixRound(fixes, np.arange(len(fixes)), bench.state.subjects.slots_for(fixes.case_id), fixes.now_us)


def _decisions(bench: BenchPartition) -> list[Stage]:
    """Return what whole decisions cost: looks as a tick has them, then versions; ten seconds lie between them."""
    kept = Stage("decision that keeps the cameras, all in all", "case", DELIBERATIONS_MAX, GOAL_DECISION_US)
    looked = Stage("", "case", DELIBERATIONS_MAX)
    decided = Stage("decision that makes a version, all in all", "case", DELIBERATIONS_MAX)
    encoded = Stage("version, state, audit and requests to bytes", "version", DELIBERATIONS_MAX)
    keys = list(bench.state.cases)[:LOOKS]
    looks = versions = 0
    caught_up = Stage("", "case", DELIBERATIONS_MAX)
    keeps = _never_worth_it(bench.policy)
    # The first round catches up with the fixes that were weighed before and nobody decided on. The second is the look
    # before the measured one: under the same rules, as one look follows the other.
    rounds = ((None, bench.policy), (None, keeps), (kept, keeps), (looked, bench.policy), (looked, bench.policy))
    for stage, policy, must in (*((*one, False) for one in rounds), (decided, bench.policy, True)):
        bench.pass_time(bench.policy.belief.step_s)
        for some in _slices(keys):
            work = StepWork(bench.state, bench.scenery, policy)
            asks = [Ask(k, bench.state.cases[k], "measured", bench.now_us, (), must=must, order=0) for k in some]
            with (stage or caught_up).timed(len(some)):
                made = work.decide_and_note(asks)
            result = work.finish()
            if must:
                with encoded.timed(len(some)):
                    bench.writer.outgoing(result, bench.now_us)
            elif stage is looked:
                looks += len(some)
                versions += sum(a is not None for a in made)
            assert stage is not kept or not any(made)
    looked.name = f"decision as positions age ({100 * versions / looks:.1f} % made a version)"
    return [kept, looked, decided, encoded]


def _never_worth_it(policy: Policy) -> Policy:
    """Return a policy under which no look changes the cameras of a case that has its number of them."""
    movement = replace(policy.movement, update_distance_m=float("inf"))
    return replace(policy, selection=replace(policy.selection, switch_gain=2.0), movement=movement)


def _choices(bench: BenchPartition) -> list[Stage]:
    """Return what the parts of a look cost that belief and cameras take."""
    glanced = Stage("look: belief moved on by 13 s", "case", DELIBERATIONS_MAX)
    told = Stage("look: middle, radius and motion for people", "case", DELIBERATIONS_MAX)
    beliefs = bench.state.beliefs_on(bench.scenery.streets, bench.policy)
    bench.pass_time(bench.policy.belief.step_s)
    when_us = bench.now_us + int(bench.policy.ptz.slew_s * US_PER_S)
    glances: list[Glance] = []
    for some in _slices(list(bench.state.cases)[:LOOKS]):
        with glanced.timed(len(some)):
            glances.append(beliefs.glance(some, np.full(len(some), when_us)))
        with told.timed(len(some)):
            glances[-1].whereabouts()
    return [glanced, told, *(_choice(bench, glances, fields_deg) for fields_deg in ZOOM_FIELDS_DEG)]


def _choice(bench: BenchPartition, glances: list[Glance], fields_deg: tuple[float, ...]) -> Stage:
    zoom = ", ".join(f"{field_deg:g}" for field_deg in fields_deg)
    name = f"look: places and choice of {CAMERAS_PER_CASE}, zoom fields {zoom} degrees"
    stage = Stage(name, "case", DELIBERATIONS_MAX, GOAL_DECISION_US)
    view = replace(bench.policy.view, zoom_fields_deg=fields_deg)
    optics, grid, world = Optics(), CameraGrid(), bench.scenery.world
    optics.refresh(bench.cameras, None, world.streets, view)
    grid.refresh(optics, None)
    for number, glance in enumerate((glances[0], *glances)):
        wishes = Wishes.of([CAMERAS_PER_CASE] * len(glance.particles))
        wishes.fill[:] = True
        with stage.timed(len(glance.particles)):
            choose_many(world, optics, grid, glance.places(), wishes, view, bench.policy.selection)
        if not number:
            stage.spent_us.clear()  # what is built at the first call is kept
    return stage


def _sightings(bench: BenchPartition) -> list[Stage]:
    """Return what looks of operators cost before the decisions that they lead to."""
    decoded = Stage("decode and check a sighting", "sighting", DELIBERATIONS_MAX)
    stages = {
        SightingResult.LOOKED_NOT_SEEN: Stage("look without a sighting into the belief", "sighting", DELIBERATIONS_MAX),
        SightingResult.SEEN: Stage("sighting into the belief", "sighting", DELIBERATIONS_MAX),
    }
    for result, stage in stages.items():
        bench.pass_time(bench.policy.belief.step_s)
        watched = [key for key in list(bench.state.cases)[:LOOKS] if bench.state.cases[key].held]
        for some in _slices(watched):
            raw = bench.raw(SIGHTINGS.name, some, [_look(bench, key, result) for key in some])
            with decoded.timed(len(some)):
                taken = bench.read(raw).sightings
            assert taken is not None
            work = StepWork(bench.state, bench.scenery, bench.policy)
            with stage.timed(len(some)):
                apply_looks(work, taken, np.arange(len(some)), taken.now_us)
            work.finish()
    return [decoded, *stages.values()]


def _look(bench: BenchPartition, key: bytes, result: SightingResult) -> bytes:
    look = Sighting(
        event_id=f"bench:look:{bench.now_us}:{key.decode()}",
        source="bench",
        observed_us=bench.now_us,
        ingested_us=bench.now_us,
        case_id=key.decode(),
        camera_id=bench.state.cases[key].held[0].camera_id,
        result=result,
        seen_us=bench.now_us,
        by=SightingSource.OPERATOR,
    )
    return encode(look)


def _slices(keys: list[bytes]) -> Iterator[list[bytes]]:
    size = DELIBERATIONS_MAX
    return (keys[start : start + size] for start in range(0, len(keys) - size + 1, size))
