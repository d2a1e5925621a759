"""What one row of a camera registry says, whatever registry it is of. Pure."""

from typing import NamedTuple

from connectors.kit.cameras.faults import Flag
from schemas.camera import CameraKind, CameraStatus


class ParsedRow(NamedTuple):
    """What one row says. Address text stays here: it makes ids and is never published."""

    row: int
    cells: list[str]
    scope: str
    number: str
    owner: str
    address: str
    lat_deg: float
    lon_deg: float
    decimals: int
    cameras: int
    cameras_stated: int
    kind: CameraKind
    azimuth_deg: float | None
    field_of_view_deg: float | None
    width_px: int | None
    purposes: tuple[str, ...]
    retention_days: int | None
    status: CameraStatus
    exercise: bool
    observed_us: int | None
    flags: tuple[Flag, ...]
    height_m: float | None = None
