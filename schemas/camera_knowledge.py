"""What looks and sightings have taught about a camera, and the single looks it is learned from."""

from dataclasses import dataclass
from typing import Annotated

from schemas.camera import CameraKind
from schemas.record import Codes, Exercise

# Bearings from a camera are learned in sectors of this many, the first one from north clockwise.
SECTORS = 12

Basis = Annotated[
    int,
    "Checksum of what the registry says of place, kind, heading and field; what was learned against another entry "
    "is void.",
]
RegisteredKind = Annotated[str, "Kind by the registry.", Codes(CameraKind)]
RegisteredAzimuth = Annotated[float | None, "Heading by the registry, degrees clockwise from north; null if unknown."]
RegisteredError = Annotated[float, "68 % error in metres that the city expects of the registry's positions."]
Evidence = Annotated[
    bytes,
    "Log-likelihoods of the hypotheses about pole and direction: little-endian float32, 25 spots of 14 directions each "
    "(nothing, 12 headings, as registered); empty for none.",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraObservation:
    """One look through a camera, as the case engine judges it. Internal; names no place and no case."""

    event_id: Annotated[str, "The sighting's event_id, or the operator's for a reset."]
    camera_id: Annotated[str, "Id of the camera. Also the Kafka key."]
    observed_us: Annotated[int, "When it was looked, UTC microseconds since the epoch."]
    basis: Basis = 0
    registered_kind: RegisteredKind = "unknown"
    registered_azimuth_deg: RegisteredAzimuth = None
    registered_error_m: RegisteredError = 0.0
    saw: Annotated[bool, "Whether the target was seen."] = False
    expected: Annotated[
        tuple[float, ...], "Sightings to expect by sector if the registry is right; 12 numbers, none for a reset."
    ] = ()
    seen: Annotated[
        tuple[float, ...], "Sightings by sector, shared out by the belief; 12 numbers, none for a reset."
    ] = ()
    evidence: Evidence
    weight: Annotated[float, "Reliability of the source, 0 to 1; already in the other numbers."] = 1.0
    reset_by: Annotated[str | None, "Pseudonym of the operator who has all of it forgotten; null for a look."] = None
    exercise: Exercise = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraKnowledge:
    """What is known of a camera beyond its registry. An operator may reset it."""

    camera_id: Annotated[str, "Id of the camera. Also the Kafka key."]
    basis: Basis
    registered_kind: RegisteredKind = "unknown"
    registered_azimuth_deg: RegisteredAzimuth = None
    registered_error_m: RegisteredError = 0.0
    trust: Annotated[float, "Sightings for each one expected, shrunk towards 1; 0 shows nothing."]
    trust_low: Annotated[float, "Lower end of the 80 % interval of trust."]
    trust_high: Annotated[float, "Upper end of the 80 % interval of trust."]
    dark: Annotated[float, "Probability that it shows nothing at all: down, covered, or somewhere else."]
    factors: Annotated[
        tuple[float, ...],
        "What the seen probability is multiplied by in each sector around the estimated pole; 12.",
    ]
    kind: Annotated[
        str | None, "Kind it behaves like, if the looks tell: fixed, or the registered one; null if they do not."
    ] = None
    heading_deg: Annotated[
        float | None, "Direction a fixed camera seems to look in; null if the looks do not tell."
    ] = None
    heading_error_deg: Annotated[float | None, "68 % error of the heading."] = None
    pole_east_m: Annotated[float, "Where the pole seems to stand, metres east of the registry's position."] = 0.0
    pole_north_m: Annotated[float, "The same, metres north."] = 0.0
    pole_error_m: Annotated[float, "68 % error of the pole's estimated position."] = 0.0
    looks: Annotated[int, "Looks it was learned from."]
    sightings: Annotated[int, "How many of them saw the target."]
    expected: Annotated[tuple[float, ...], "Expected sightings by sector; older ones count less. 12 numbers."] = ()
    seen: Annotated[tuple[float, ...], "Sightings by sector; older ones count less. 12 numbers."] = ()
    evidence: Evidence
    since_us: Annotated[int, "Since when it is learned, UTC microseconds since the epoch."]
    updated_us: Annotated[int, "Time of the newest look, or of the reset, UTC microseconds since the epoch."]
    reset_by: Annotated[str | None, "Pseudonym of the operator who last had it forgotten."] = None
