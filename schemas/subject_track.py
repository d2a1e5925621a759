"""The last known position of a subject: the hot half of the state, one small row of fixed width."""

from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectTrack:
    """Where a subject was last, kept for the policy's age and forgotten by a tombstone."""

    fix_us: Annotated[int, "When the position was measured, UTC microseconds since the epoch."]
    updated_us: Annotated[int, "The now of the record it came from, UTC microseconds since the epoch."]
    lat_deg: Annotated[float, "WGS 84 latitude in degrees."]
    lon_deg: Annotated[float, "WGS 84 longitude in degrees."]
    accuracy_m: Annotated[float, "Radius in metres that holds the true position with 68 % probability."]
    speed_mps: Annotated[float, "Speed over ground in metres per second; NaN if unknown."]
    course_deg: Annotated[float, "Course, degrees clockwise from north; NaN if unknown."]
    looked_lat_deg: Annotated[float, "Where the subject was when its cameras were last looked at anew; NaN for never."]
    looked_lon_deg: Annotated[float, "The same: WGS 84 longitude in degrees."]
    jumps: Annotated[int, "Fixes refused in a row as jumps that agree with each other."] = 0
    jump_us: Annotated[int, "When the newest of them was measured, UTC microseconds since the epoch."] = 0
    jump_lat_deg: Annotated[float, "Where the newest of them was: WGS 84 latitude in degrees."] = 0.0
    jump_lon_deg: Annotated[float, "The same: WGS 84 longitude in degrees."] = 0.0
