"""What detection remembers of a person under protection who is out: enough to go on after a restart."""

from dataclasses import dataclass
from typing import Annotated

from schemas.record import CaseId, Codes
from schemas.wandering_alert import AlertKind


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailPoint:
    """A corner of the way a person went."""

    fix_us: Annotated[int, "When it was measured, UTC microseconds since the epoch."]
    lat_deg: Annotated[float, "WGS 84 latitude in degrees."]
    lon_deg: Annotated[float, "WGS 84 longitude in degrees."]
    accuracy_m: Annotated[float, "Radius in metres that holds the true position with 68 % probability."]


@dataclass(frozen=True, slots=True, kw_only=True)
class WanderingState:
    """What is known of one outing. Internal; none of people who are not registered, or are where they may be."""

    case_id: CaseId
    heard_us: Annotated[int, "The now of the newest fix, UTC microseconds since the epoch."]
    outside_fixes: Annotated[int, "Fixes in a row outside all safe zones; those that do not tell are not counted."] = 0
    inside_fixes: Annotated[int, "Fixes in a row inside a safe zone, after an alert."] = 0
    raised: Annotated[
        tuple[str, ...],
        "Kinds of alerts that this outing has had, sorted; found: people ended its case.",
        Codes(AlertKind),
    ] = ()
    pattern_us: Annotated[int, "When a pattern was last told of, UTC microseconds since the epoch; 0 for never."] = 0
    trail: Annotated[
        tuple[TrailPoint, ...], "Corners of the way, oldest first, at most the policy's trail_points."
    ] = ()
    arrivals_us: Annotated[
        tuple[int, ...],
        "Nows of the newest fixes that came at least 10 s after the one before, oldest first, at most 6: how often the "
        "tracker is usually heard.",
    ] = ()
    newest: Annotated[
        TrailPoint | None,
        "The newest fix that is not inside a zone, until silence after it was told of; null for none.",
    ] = None
