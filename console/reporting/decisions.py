"""What the report reads of one version of an assignment: no id of a person, no place but the district."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One version of an assignment.

    Attributes:
        case: which opening of which case; only told apart, never shown.
        version: 1, 2, … within it.
        status: of the case, e.g. ``active``.
        kind: of the incident, e.g. ``robbery``.
        district: of the place; None where it is not known.
        exercise: whether it is a drill.
        reported_us: when the first report came in, else when it says that it happened, UTC microseconds.
        opened_us: when the first report arrived.
        decided_us: when this version was decided.
        shows_target: whether one of its cameras shows what the case is about.
        hands_over: whether a camera replaced another.
    """

    case: str
    version: int
    status: str
    kind: str
    district: str | None
    exercise: bool
    reported_us: int
    opened_us: int
    decided_us: int
    shows_target: bool
    hands_over: bool
