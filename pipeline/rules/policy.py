"""Every number that decides, with its unit and limits, as one immutable value read from a city's files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any

from shapely import Polygon

from pipeline.errors import PolicyError
from pipeline.rules.belief_policy import BeliefPolicy, belief_policy_from
from pipeline.rules.condition_policy import ConditionPolicy, condition_policy_from
from pipeline.rules.movement_policy import (
    LeasePolicy,
    MovementPolicy,
    lease_policy_from,
    movement_policy_from,
    per_rank,
)
from pipeline.rules.policy_fields import PolicyFields
from pipeline.rules.ptz_policy import PtzPolicy, ptz_policy_from
from pipeline.rules.purpose import PurposeGate, purpose_gate_from
from pipeline.rules.ranking import LAST_RANK, RankTable, rank_table_from
from pipeline.rules.wandering_policy import WanderingPolicy, wandering_policy_from
from schemas.incident import Service

US_PER_S = 1_000_000
# No list is longer than this, whatever a city writes: a person cannot watch more tiles (design: cap 16).
MAX_CAP = 16


@dataclass(frozen=True, slots=True)
class SearchPolicy:
    """How far to look for cameras: rings widen until enough sites are found."""

    rings_m: tuple[float, ...]
    enough_sites: int


@dataclass(frozen=True, slots=True)
class ViewPolicy:
    """What a camera of unknown optics is taken for, and how sight fades with distance.

    ``unmapped_scale_m`` takes the place of ``clutter_scale_m`` where no streets are known: walls nobody knows of hide
    far more than what stands and passes in a street.
    """

    observe_range_fixed_m: float
    observe_range_ptz_m: float
    assumed_field_deg: float
    zoom_fields_deg: tuple[float, ...]
    clutter_scale_m: float
    unmapped_scale_m: float
    weak_view: float
    pole_error_m: float


@dataclass(frozen=True, slots=True)
class SelectionPolicy:
    """How many cameras, and what makes a change worth it. Gains are probabilities of a view, 0 to 1.

    Attributes:
        cameras_by_rank: how many cameras a target gets, by rank.
        next_cameras: how many more for where a moving subject will be soon.
        corridor_cameras: how many along the way of each responding unit.
        cap: no assignment has more.
        min_gain: a camera that adds less is not chosen.
        ptz_min_gain: a PTZ head that adds less is not taken from whatever it watches.
        held_bonus: what a camera already held is worth more; half of it if it must be turned by over 30 degrees.
        travel_cost: what turning a head by 180 degrees costs.
        switch_gain: a new set must be better than the held one by this much.
        runner_up: how many of the next best are named.
        aim_step_deg: a PTZ head is aimed in steps of this size at its widest field.
        zoom_aim_step_deg: the same at narrower fields.
        overlap_s: a view that is replaced goes on for so long: turning and opening the new stream.
        uncertain_m: for each so many metres of the belief's radius beyond the first, one camera more, up to twice.
    """

    cameras_by_rank: tuple[int, ...]
    next_cameras: int
    corridor_cameras: int
    cap: int
    min_gain: float
    held_bonus: float
    switch_gain: float
    runner_up: int
    ptz_min_gain: float
    travel_cost: float
    aim_step_deg: float
    zoom_aim_step_deg: float
    overlap_s: float
    uncertain_m: float


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets the assignments of which services."""

    name: str
    services: frozenset[str]
    masking: bool


@dataclass(frozen=True, slots=True)
class District:
    """A named area of the city; the polygon is in (lon, lat) degrees, WGS 84."""

    name: str
    polygon: Polygon


@dataclass(frozen=True, slots=True)
class DefaultPlace:
    """A point that stands for 'no place known' (an agency's own address); reports within its radius get no cameras."""

    name: str
    lat_deg: float
    lon_deg: float
    radius_m: float


@dataclass(frozen=True, slots=True)
class Policy:
    """All of a city's rules; two equal versions never differ in content."""

    version: str
    search: SearchPolicy
    view: ViewPolicy
    selection: SelectionPolicy
    movement: MovementPolicy
    lease: LeasePolicy
    belief: BeliefPolicy
    ptz: PtzPolicy
    wandering: WanderingPolicy
    conditions: ConditionPolicy
    ranks: RankTable
    gate: PurposeGate
    recipients: tuple[Recipient, ...]
    exercise_cameras: bool
    exercise_recipients: tuple[str, ...]
    districts: tuple[District, ...] = field(default=())
    default_places: tuple[DefaultPlace, ...] = field(default=())
    time_zone: tzinfo = UTC


def policy_from(
    *,
    policy: Mapping[str, Any],
    ranks: Mapping[str, Any],
    purposes: Mapping[str, Any],
    agencies: Mapping[str, Any],
    districts: tuple[District, ...] = (),
    default_places: tuple[DefaultPlace, ...] = (),
    time_zone: tzinfo = UTC,
) -> Policy:
    """Return the policy that a city's four parsed TOML files describe.

    Raises:
        PolicyError: a field is missing, unknown, of the wrong type or out of bounds; the message names it.
    """
    fields = PolicyFields("policy.toml", policy)
    people = PolicyFields("agencies.toml", agencies)
    exercise = people.table("exercise")
    result = Policy(
        version=fields.text("version"),
        search=_search(fields.table("search")),
        view=_view(fields.table("view")),
        selection=_selection(fields.table("selection")),
        movement=movement_policy_from(fields.table("movement")),
        lease=lease_policy_from(fields.table("lease")),
        belief=belief_policy_from(fields.table("belief")),
        ptz=ptz_policy_from(fields.table("ptz")),
        wandering=wandering_policy_from(fields.table("wandering")),
        conditions=condition_policy_from(fields.table("conditions")),
        ranks=rank_table_from(PolicyFields("ranks.toml", ranks)),
        gate=purpose_gate_from(PolicyFields("purposes.toml", purposes)),
        recipients=_recipients(people),
        exercise_cameras=exercise.flag("cameras"),
        exercise_recipients=exercise.texts("recipients"),
        districts=districts,
        default_places=default_places,
        time_zone=time_zone,
    )
    for table in (fields, people, exercise):
        table.done()
    _check_relations(result)
    return result


def _search(f: PolicyFields) -> SearchPolicy:
    rings_m = f.numbers("rings_m", 10, 5_000)
    if list(rings_m) != sorted(set(rings_m)):
        raise f.error("rings_m", f"must grow from ring to ring, got {list(rings_m)}")
    result = SearchPolicy(rings_m, f.integer("enough_sites", 1, 100))
    f.done()
    return result


def _view(f: PolicyFields) -> ViewPolicy:
    result = ViewPolicy(
        f.number("observe_range_fixed_m", 1, 500),
        f.number("observe_range_ptz_m", 1, 500),
        f.number("assumed_field_deg", 5, 180),
        f.numbers("zoom_fields_deg", 1, 120),
        f.number("clutter_scale_m", 10, 10_000),
        f.number("unmapped_scale_m", 10, 10_000),
        f.number("weak_view", 0, 1),
        f.number("pole_error_m", 0, 200),
    )
    f.done()
    return result


def _selection(f: PolicyFields) -> SelectionPolicy:
    result = SelectionPolicy(
        per_rank(f, "cameras_by_rank", f.integers("cameras_by_rank", 0, MAX_CAP)),
        f.integer("next_cameras", 0, MAX_CAP),
        f.integer("corridor_cameras", 0, MAX_CAP),
        f.integer("cap", 1, MAX_CAP),
        f.number("min_gain", 0, 1),
        f.number("held_bonus", 0, 1),
        f.number("switch_gain", 0, 1),
        f.integer("runner_up", 0, 20),
        f.number("ptz_min_gain", 0, 1),
        f.number("travel_cost", 0, 1),
        f.number("aim_step_deg", 3, 120),
        f.number("zoom_aim_step_deg", 3, 120),
        f.number("overlap_s", 0, 60),
        f.number("uncertain_m", 10, 10_000),
    )
    f.done()
    return result


def _recipients(fields: PolicyFields) -> tuple[Recipient, ...]:
    known = tuple(Service)
    result = []
    for table in fields.tables("recipient"):
        services = table.members("services", known)
        name = f"{table.text('agency')}:{table.text('role')}"
        result.append(Recipient(name, frozenset(services), table.flag("masking")))
        table.done()
    return tuple(result)


def _check_relations(policy: Policy) -> None:
    """Refuse numbers that are each within bounds and yet make no sense together."""
    move, lease = policy.movement, policy.lease
    if move.update_distance_m < move.reselect_distance_m:
        raise PolicyError("policy.toml [movement]: update_distance_m must not be below reselect_distance_m")
    if lease.max_case_s < max(lease.lease_s_by_rank):
        raise PolicyError("policy.toml [lease]: max_case_s must not be below the longest lease")
    if policy.selection.cameras_by_rank[LAST_RANK] != 0:
        raise PolicyError(f"policy.toml [selection]: cameras_by_rank[{LAST_RANK}] must be 0, the rank without cameras")
