"""The numbers of the belief: how people walk, how evidence is weighed, how reliable sources are."""

from dataclasses import dataclass

from pipeline.rules.policy_fields import PolicyFields
from schemas.sighting import SightingSource

PARTICLES_MAX = 2_000


@dataclass(frozen=True, slots=True)
class WalkPolicy:
    """How one kind of person moves.

    Attributes:
        name: e.g. ``dementia``.
        kinds: kinds of reports and services this walk is for; the first walk of the list serves all others.
        speed_mps: mean speed while walking.
        speed_sd_mps: its standard deviation between people.
        speed_min_mps: nobody walks slower than this.
        straight: weight of going straight on at a junction.
        turn: weight of a turn to either side.
        back: weight of turning back.
        stops_per_s: rate at which a walker stops.
        goes_per_s: rate at which one who stands goes on.
    """

    name: str
    kinds: tuple[str, ...]
    speed_mps: float
    speed_sd_mps: float
    speed_min_mps: float
    straight: float
    turn: float
    back: float
    stops_per_s: float
    goes_per_s: float


@dataclass(frozen=True, slots=True)
class BeliefPolicy:
    """How the belief is kept and weighed.

    Attributes:
        particles: how many particles a case has.
        step_s: a case without evidence is looked at anew this often, and its belief moved on by this much.
        seen_rate: probability that a look through a camera that shows the target at observe level sees it.
        weak_seen_rate: the same where it is shown between detect and observe level.
        outlier: weight that evidence leaves even to places which contradict it.
        restart_below: total weight below which the belief starts again where the newest evidence says.
        fix_error_scale: a fix's stated radius is multiplied by this: receivers are too sure of themselves.
        late_mps: a fix that came so many seconds late is blurred by this many metres for each.
        fresh_min: least share of particles drawn anew around a fix.
        fresh_max: largest share.
        jump_fixes: after so many fixes in a row that are refused as jumps and agree with each other, they are believed.
        walks: how people move; the first is the default.
        reliability: by kind of source: probability that what it says is true.
    """

    particles: int
    step_s: float
    seen_rate: float
    weak_seen_rate: float
    outlier: float
    restart_below: float
    fix_error_scale: float
    late_mps: float
    fresh_min: float
    fresh_max: float
    jump_fixes: int
    walks: tuple[WalkPolicy, ...]
    reliability: dict[str, float]

    def walk_for(self, service: str, kind: str) -> int:
        """Return the place of the walk for a report of this service and kind."""
        return next((i for i, walk in enumerate(self.walks) if kind in walk.kinds or service in walk.kinds), 0)


def belief_policy_from(f: PolicyFields) -> BeliefPolicy:
    """Return the belief's part of ``policy.toml``.

    Raises:
        PolicyError: a field is missing, unknown or out of bounds.
    """
    walks = tuple(_walk(table) for table in f.tables("walk"))
    if not walks:
        raise f.error("walk", "must have at least one [[belief.walk]]")
    reliability = f.table("reliability")
    by_source = {source.value: reliability.number(source.value, 0, 1) for source in SightingSource}
    reliability.done()
    result = BeliefPolicy(
        f.integer("particles", 50, PARTICLES_MAX),
        f.number("step_s", 1, 600),
        f.number("seen_rate", 0.01, 1),
        f.number("weak_seen_rate", 0, 1),
        f.number("outlier", 1e-9, 0.1),
        f.number("restart_below", 0, 0.5),
        f.number("fix_error_scale", 0.1, 10),
        f.number("late_mps", 0, 10),
        f.number("fresh_min", 0, 1),
        f.number("fresh_max", 0, 1),
        f.integer("jump_fixes", 1, 20),
        walks,
        by_source,
    )
    f.done()
    if result.fresh_min > result.fresh_max:
        raise f.error("fresh_min", "must not be above fresh_max")
    return result


def _walk(f: PolicyFields) -> WalkPolicy:
    walk = WalkPolicy(
        f.text("name"),
        f.texts("kinds"),
        f.number("speed_mps", 0.1, 40),
        f.number("speed_sd_mps", 0, 20),
        f.number("speed_min_mps", 0.01, 40),
        f.number("straight", 0, 1),
        f.number("turn", 0, 1),
        f.number("back", 0, 1),
        f.number("stops_per_s", 0, 1),
        f.number("goes_per_s", 0, 1),
    )
    f.done()
    return walk
