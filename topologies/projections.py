"""Projections: the assignments addressed to one agency, with only what it may see, on a topic of its own.

An assignment is addressed to a projection when the policy names its agency among the recipients, when a camera of the
projection's owners is on the list (for projections that are bound to owners), and, for drills, only when the projection
takes drills. A case that was addressed and is no longer gets a tombstone there: the agency stops looking. What a
projection does not name as shown is hidden, fields of later schema versions too.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from functools import lru_cache
from typing import Any

from schemas.camera_assignment import AssignedCamera, CameraAssignment, Target

ROLE_SEPARATOR = ":"

# What whoever looks must know: which case, until when, on which ground. It is always shown.
ALWAYS = frozenset(
    {
        "case_id", "opened_us", "version", "event_id", "status", "reason", "exercise", "rank", "occurred_us",
        "decided_us", "valid_from_us", "valid_until_us", "purpose", "legal_basis", "recipients", "masking_required",
        "policy_version", "camera_table_version", "reported_us",
    }
)  # fmt: skip
CAMERA_ALWAYS = frozenset({"camera_id", "site_id", "owner", "role", "rank", "level", "p_view", "since_us", "until_us"})
TARGET_ALWAYS = frozenset({"lat_deg", "lon_deg", "accuracy_m", "search_radius_m", "position_us"})
# From a camera's distance and bearing everybody can compute where the subject is: they are shown with ``where``.
CAMERA_WITH_WHERE = frozenset({"distance_m", "bearing_deg"})
# What stands for a hidden field that has no default.
HIDDEN: Mapping[str, Any] = {"services": (), "kind": "other", "distance_m": 0.0, "bearing_deg": 0.0}
# They tell where the subject is, by distances from cameras or by a target point.
NEEDS_WHERE = ("runner_up", "excluded_nearest", "cameras.aim", "cameras.why")
# They tell of cameras of others.
OWN_CHANGES = frozenset({"added", "kept"})
OF_ALL_OWNERS = ("released", "runner_up", "excluded", "excluded_nearest", "p_view")


def _optional(record: type[Any], always: frozenset[str]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(record) if field.name not in always)


CAMERA_OPTIONAL = _optional(AssignedCamera, CAMERA_ALWAYS | CAMERA_WITH_WHERE)
TARGET_OPTIONAL = _optional(Target, TARGET_ALWAYS)
# All names that a projection may list as shown.
SHOWABLE = (
    *_optional(CameraAssignment, ALWAYS),
    *(f"cameras.{name}" for name in CAMERA_OPTIONAL),
    *(f"where.{name}" for name in TARGET_OPTIONAL),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """What one agency may see.

    Attributes:
        name: end of its topic's name, e.g. ``police`` of ``camera-assignments-police``.
        agency: the agency in the policy's recipients, without the role.
        principals: who may read it, as Kafka principals such as ``User:police``.
        shows: names out of ``SHOWABLE``.
        owners: only cameras of these owners, and only cases that look through one; empty for no such limit.
        exercise: whether drills are addressed to it; real cases are not addressed to a projection of drills.
    """

    name: str
    agency: str
    principals: tuple[str, ...]
    shows: frozenset[str]
    owners: frozenset[str] = frozenset()
    exercise: bool = False

    def view(self, assignment: CameraAssignment) -> CameraAssignment | None:
        """Return what the agency may see of an assignment, None if it is not addressed to it."""
        own = tuple(r for r in assignment.recipients if r.partition(ROLE_SEPARATOR)[0] == self.agency)
        if not own or assignment.exercise != self.exercise:
            return None
        cameras = assignment.cameras
        if self.owners:
            cameras = tuple(camera for camera in cameras if camera.owner in self.owners)
            if not cameras:
                return None
        hidden = _hidden_by(self.shows)
        changes = hidden.assignment | {"recipients": own}
        if "cameras" in self.shows:
            changes["cameras"] = tuple(replace(camera, **hidden.camera) for camera in cameras)
        if "where" in self.shows and assignment.where is not None:
            changes["where"] = replace(assignment.where, **hidden.target)
        if self.owners:
            ids = {camera.camera_id for camera in cameras}
            for name in self.shows & OWN_CHANGES:
                changes[name] = tuple(i for i in getattr(assignment, name) if i in ids)
        return replace(assignment, **changes)


@dataclass(frozen=True, slots=True)
class _Hidden:
    """What stands for the hidden fields of an assignment, of each of its cameras and of its target."""

    assignment: dict[str, Any]
    camera: dict[str, Any]
    target: dict[str, Any]


@lru_cache(maxsize=256)
def _hidden_by(shows: frozenset[str]) -> _Hidden:
    distances = CAMERA_WITH_WHERE if "where" in shows else frozenset()
    return _Hidden(
        _stand_ins(CameraAssignment, ALWAYS | shows),
        _stand_ins(AssignedCamera, CAMERA_ALWAYS | distances | _inside(shows, "cameras")),
        _stand_ins(Target, TARGET_ALWAYS | _inside(shows, "where")),
    )


def _inside(shows: frozenset[str], name: str) -> frozenset[str]:
    """Return the fields of a nested record that are shown, e.g. ``aim`` of ``cameras.aim``."""
    return frozenset(inner for outer, _, inner in (shown.partition(".") for shown in shows) if outer == name and inner)


def _stand_ins(record: type[Any], shown: frozenset[str]) -> dict[str, Any]:
    return {field.name: _stand_in(field) for field in fields(record) if field.name not in shown}


def _stand_in(field: Any) -> Any:
    if field.name in HIDDEN:
        return HIDDEN[field.name]
    return field.default if field.default is not MISSING else field.default_factory()


@dataclass(frozen=True, slots=True)
class _Addressed:
    """To which projections the newest version of a case went."""

    opened_us: int
    version: int
    names: frozenset[str]


# A projection's name, and what it may see of the assignment; None is a tombstone.
Row = tuple[str, CameraAssignment | None]


class Projector:
    """Turns assignments into the rows of projections, and remembers who must hear of an end.

    What was addressed to whom is kept in memory while the case lives. After a restart, or when a partition comes back,
    it is unknown for a case's first version: then everybody to whom it is not addressed gets a tombstone once. That
    tells an agency no more than an id.

    Args:
        projections: of the city, in the order of the rows.
    """

    def __init__(self, projections: Sequence[Projection]) -> None:
        self.projections = tuple(projections)
        self._all = frozenset(p.name for p in self.projections)
        self._addressed: dict[str, _Addressed] = {}

    def rows(self, assignment: CameraAssignment) -> Iterator[Row]:
        """Return what the projections get of the next version of a case."""
        before = self._before(assignment)
        now = set()
        for projection in self.projections:
            view = projection.view(assignment)
            if view is not None:
                now.add(projection.name)
                yield projection.name, view
            elif projection.name in before:
                yield projection.name, None
        names = frozenset(now)
        self._addressed[assignment.case_id] = _Addressed(assignment.opened_us, assignment.version, names)

    def forget(self, case_id: str) -> frozenset[str]:
        """Forget a case; return the projections that must forget it too: all, where it is not known which had it."""
        known = self._addressed.pop(case_id, None)
        return self._all if known is None else known.names

    def _before(self, assignment: CameraAssignment) -> frozenset[str]:
        if assignment.version == 1:
            return frozenset()
        known = self._addressed.get(assignment.case_id)
        if known is None or (known.opened_us, known.version) != (assignment.opened_us, assignment.version - 1):
            return self._all
        return known.names
