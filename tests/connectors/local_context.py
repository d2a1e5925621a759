"""What the tests of single connectors hand in: a clock that stands still and a fixed pseudonym key."""

from dataclasses import dataclass

from connectors.kit.context import ConnectorContext, DefaultPoint
from connectors.kit.pseudonyms import Pseudonyms

# 2026-03-01 12:00:00 in Seoul.
NOON_US = 1_772_334_000_000_000
SEOUL_BOX = (37.41, 126.76, 37.72, 127.19)
POLICE_AGENCY = DefaultPoint(lat_deg=37.5755, lon_deg=126.9722, radius_m=60, name="Seoul police agency")


@dataclass
class StillClock:
    now: int = NOON_US

    def now_us(self) -> int:
        return self.now


def a_context(*, now_us: int = NOON_US) -> ConnectorContext:
    return ConnectorContext(
        clock=StillClock(now_us),
        pseudonyms=Pseudonyms(b"k" * 32),
        time_zone="Asia/Seoul",
        default_points=(POLICE_AGENCY,),
        city_box=SEOUL_BOX,
    )
