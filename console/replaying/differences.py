"""Where two policies decide differently, side by side."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from schemas.camera_assignment import CameraAssignment


@dataclass(frozen=True, slots=True)
class Side:
    """What one policy has in force for a case at a moment; version 0: nothing."""

    version: int
    status: str
    rank: int
    reason: str
    cameras: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parting:
    """A moment from which on the two policies have something else in force than before, and not the same.

    Attributes:
        case_id: of which case.
        at_us: the moment, UTC microseconds since the epoch.
        ours: what the city's policy has in force.
        theirs: what the other one has.
    """

    case_id: str
    at_us: int
    ours: Side
    theirs: Side


_NOTHING = Side(0, "none", -1, "", ())


def partings(
    ours: Mapping[tuple[str, int], Sequence[CameraAssignment]],
    theirs: Mapping[tuple[str, int], Sequence[CameraAssignment]],
) -> Iterator[Parting]:
    """Yield where the decisions part, case by case, oldest first.

    Two decisions are the same here when status, rank and set of cameras are, and, for decisions made at the same
    moment, the reason. How the cameras are aimed and what they are worth is not compared: the figures tell of it.
    """
    cases = {case_id for case_id, _ in (*ours, *theirs)}
    for case_id in sorted(cases):
        yield from _of_case(case_id, _versions(ours, case_id), _versions(theirs, case_id))


def _versions(
    openings: Mapping[tuple[str, int], Sequence[CameraAssignment]], case_id: str
) -> dict[int, CameraAssignment]:
    """Return the last version of each moment at which something was decided."""
    return {
        version.decided_us: version
        for opening in sorted(opening for opening in openings if opening[0] == case_id)
        for version in openings[opening]
    }


def _of_case(
    case_id: str, ours: Mapping[int, CameraAssignment], theirs: Mapping[int, CameraAssignment]
) -> Iterator[Parting]:
    left = right = _NOTHING
    told: tuple[object, object] | None = None
    for at_us in sorted({*ours, *theirs}):
        left = _side(ours[at_us]) if at_us in ours else left
        right = _side(theirs[at_us]) if at_us in theirs else right
        both = at_us in ours and at_us in theirs
        same = _content(left) == _content(right) and (not both or left.reason == right.reason)
        now = None if same else (_content(left), _content(right))
        if now is not None and now != told:
            yield Parting(case_id, at_us, left, right)
        told = now


def _content(side: Side) -> tuple[str, int, frozenset[str]]:
    return side.status, side.rank, frozenset(side.cameras)


def _side(assignment: CameraAssignment) -> Side:
    cameras = tuple(camera.camera_id for camera in assignment.cameras)
    return Side(assignment.version, assignment.status, assignment.rank, assignment.reason, cameras)
