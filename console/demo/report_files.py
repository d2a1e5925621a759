"""What the outside systems of the story write: rows of 112 and 119 exports and lines of recorded events."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from console.demo.streets import Plane, Spot

POLICE_HEADER = (
    "RECV_NO",
    "RECV_DEPT_NM",
    "RECV_CPLT_DT",
    "RECV_CPLT_TM",
    "NPA_CL",
    "RECV_EMG_CD",
    "EVT_STAT_CD",
    "EVT_CL_CD",
    "END_CD",
    "RPTER_SEX",
    "HPPN_X",
    "HPPN_Y",
    "SME_EVT_YN",
)
FIRE_HEADER = (
    "OBJT_ID",
    "STTE_DT",
    "STTE_LC",
    "EMG_TY_NM1",
    "EMG_TY_NM2",
    "EMG_TY_NM3",
    "PROGRS_STN",
    "RSPNS_LV",
    "X",
    "Y",
    "VHCL_ID",
    "VHCL_X",
    "VHCL_Y",
    "VHCL_ROUTE",
)


class ReportFiles:
    """Writes rows with the city's local times and positions in degrees.

    Args:
        plane: metres to degrees.
        time_zone: IANA name of the city's zone; the exports write local times without it.
    """

    def __init__(self, plane: Plane, time_zone: str) -> None:
        self._plane = plane
        self._zone = ZoneInfo(time_zone)

    def police(
        self,
        number: str,
        registered_us: int,
        urgency: str,
        *,
        state: int,
        case_type: int,
        spot: Spot | None = None,
        point: tuple[str, str] = ("", ""),
        end: str = "",
    ) -> bytes:
        """Return a 112 export of one call, in CP949 as the control room saves it.

        Args:
            number: the call's number.
            registered_us: when it was registered, UTC microseconds since the epoch.
            urgency: C0 to C4.
            state: EVT_STAT_CD, e.g. 2 received, 4 dispatched.
            case_type: EVT_CL_CD, e.g. 102 robbery.
            spot: where; None writes ``point``.
            point: X and Y as the export puts them for a call without a place.
            end: END_CD, empty while the call is open.
        """
        local = self._local(registered_us)
        # The export loses the zeros in front of the time: 09:05:07 is written as 90507.
        time = str(int(local.strftime("%H%M%S")))
        x, y = point if spot is None else self._x_y(spot)
        codes = ["99", urgency, str(state), str(case_type), end]
        return self.police_rows([number, "보기청", local.strftime("%Y%m%d"), time, *codes, "3", x, y, "N"])

    @staticmethod
    def police_rows(*rows: list[str]) -> bytes:
        """Return a 112 export of rows as they are given, good or bad."""
        return _csv(POLICE_HEADER, rows).encode("cp949")

    def fire(
        self,
        number: str,
        registered_us: int,
        progress: str,
        *,
        level: int,
        spot: Spot,
        unit: str,
        way: list[Spot],
    ) -> bytes:
        """Return a 119 export of one structure fire.

        Args:
            number: the dispatch's id.
            registered_us: when it was registered, UTC microseconds since the epoch.
            progress: PROGRS_STN, e.g. 1차출동 (first dispatch) or 완진 (put out).
            level: response level, 1 to 3.
            spot: where it burns.
            unit: call sign of the responding vehicle.
            way: the way that is left to it, its position first; one point when it has arrived.
        """
        registered = self._local(registered_us).strftime("%Y%m%d%H%M%S")
        route = ";".join(" ".join(self._x_y(point)) for point in way) if len(way) > 1 else ""
        types = ["화재", "건물화재", progress, progress]
        row = [number, registered, "", *types, str(level), *self._x_y(spot), unit, *self._x_y(way[0]), route]
        return _csv(FIRE_HEADER, [row]).encode()

    def _local(self, at_us: int) -> datetime:
        return datetime.fromtimestamp(at_us // 1_000_000, UTC).astimezone(self._zone)

    def _x_y(self, spot: Spot) -> tuple[str, str]:
        lat_deg, lon_deg = self._plane.degrees(spot)
        return f"{lon_deg:.6f}", f"{lat_deg:.6f}"


def _csv(header: tuple[str, ...], rows: Sequence[list[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
