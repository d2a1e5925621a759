"""What detection is given and what it says: a fix that stands, and what must be told."""

from dataclasses import dataclass
from typing import NamedTuple

from schemas.wandering_alert import AlertKind


class Fix(NamedTuple):
    """A fix that stands: newer than the ones before, and no jump.

    Attributes:
        fix_us: when it was measured, UTC microseconds since the epoch.
        now_us: the now of its record.
        lat_deg: WGS 84 latitude.
        lon_deg: WGS 84 longitude.
        accuracy_m: its 68 % radius.
        before_us: the now of the fix before it; 0 where none is known.
    """

    fix_us: int
    now_us: int
    lat_deg: float
    lon_deg: float
    accuracy_m: float
    before_us: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """What must be told, and what it rests on in plain words."""

    kind: AlertKind
    why: tuple[str, ...]
