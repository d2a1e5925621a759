"""What looks and sightings have taught about a camera, and the single looks it is learned from."""

from dataclasses import dataclass
from typing import Annotated

from schemas.record import Exercise

# Bearings from a camera are learned in sectors of this many degrees, the first one from north clockwise.
SECTORS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraObservation:
    """One look through a camera, as the case engine judges it. Internal; holds no position and no case."""

    event_id: Annotated[str, "The sighting's event_id, or the operator's for a reset."]
    camera_id: Annotated[str, "Id of the camera. Also the Kafka key."]
    observed_us: Annotated[int, "When it was looked, UTC microseconds since the epoch."]
    expected: Annotated[
        tuple[float, ...], "Sightings to be expected by sector if the registry is right; 12 numbers."
    ] = ()
    seen: Annotated[tuple[float, ...], "Sightings by sector, shared out by the belief; 12 numbers."] = ()
    east_m: Annotated[float | None, "For a sighting: where the registered pole would have to stand, east of it."] = None
    north_m: Annotated[float | None, "The same, north of it."] = None
    weight: Annotated[float, "Reliability of the source, 0 to 1."] = 1.0
    reset_by: Annotated[str | None, "Pseudonym of the operator who has all of it forgotten; null for a look."] = None
    exercise: Exercise = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraKnowledge:
    """What is known of a camera beyond its registry. An operator may reset it."""

    camera_id: Annotated[str, "Id of the camera. Also the Kafka key."]
    trust: Annotated[float, "Sightings for each one expected, shrunk towards 1; 0 shows nothing."]
    trust_low: Annotated[float, "Lower end of the 80 % interval of trust."]
    trust_high: Annotated[float, "Upper end of the 80 % interval of trust."]
    factors: Annotated[tuple[float, ...], "What the seen probability is multiplied by, by sector of 30 degrees; 12."]
    kind: Annotated[str | None, "Kind it behaves like, if the looks tell: fixed, ptz or all-round."] = None
    heading_deg: Annotated[
        float | None, "Direction a fixed camera seems to look in; null if the looks do not tell."
    ] = None
    heading_error_deg: Annotated[float | None, "68 % error of the heading."] = None
    pole_east_m: Annotated[float | None, "Where the pole seems to stand, metres east of the registry's position."] = (
        None
    )
    pole_north_m: Annotated[float | None, "The same, metres north."] = None
    pole_error_m: Annotated[float | None, "68 % error of the pole's position."] = None
    looks: Annotated[int, "Looks it was learned from."]
    sightings: Annotated[int, "How many of them saw the target."]
    expected: Annotated[tuple[float, ...], "Expected sightings by sector so far; 12 numbers."] = ()
    seen: Annotated[tuple[float, ...], "Sightings by sector so far; 12 numbers."] = ()
    since_us: Annotated[int, "Since when it is learned, UTC microseconds since the epoch."]
    updated_us: Annotated[int, "When it was last changed, UTC microseconds since the epoch."]
    reset_by: Annotated[str | None, "Pseudonym of the operator who last had it forgotten."] = None
