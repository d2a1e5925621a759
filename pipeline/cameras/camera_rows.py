"""From the bytes of camera records to the values of a row, checked, without building the records.

A registry of 2 million is read through here, so the path of a good record is short: one call of fastavro, the checks,
one tuple. Everything unusual goes the codec's way.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from io import BytesIO
from math import isfinite, nan
from struct import pack
from typing import Any, NamedTuple, TypeVar
from zlib import crc32

import fastavro
import numpy as np
from numpy.typing import NDArray

from pipeline.cameras.camera_columns import HEALTH_CODES, KIND_CODES, PURPOSE_BITS
from pipeline.geo import in_range
from schemas.camera import Camera, CameraHealth, CameraKind, CameraPurpose, CameraStatus, HealthState
from schemas.camera_knowledge import SECTORS, CameraKnowledge
from schemas.codec import HEADER_BYTES, MAGIC, MAX_RECORD_BYTES, decode
from schemas.errors import RecordDecodeError
from schemas.location import LocationQuality
from schemas.registry import newest_schema, published_schemas

V = TypeVar("V")
Errors = list[tuple[int, RecordDecodeError]]
# An id, site or owner longer than this is no identifier.
MAX_ID_BYTES = 256
# The widest camera in service has some 32,000 pixels in a row; the column holds 2**31.
MAX_WIDTH_PX = 1_000_000
# No mast or roof carries a street camera higher; a registry in millimetres is caught by it.
MAX_HEIGHT_M = 1_000.0
# No learned factor is larger; one that is was not learned by us.
MAX_FACTOR = 10.0
# No pole is searched for farther from its registered position.
MAX_POLE_OFFSET_M = 500.0
# Where the registry's connector says that a point is a geocoder's default on which many cameras pile up.
PILE_FLAG = "pile"
_OTHER_KIND = KIND_CODES[CameraKind.OTHER]
_OTHER_HEALTH = HEALTH_CODES[HealthState.OTHER]
_OTHER_PURPOSE = PURPOSE_BITS[CameraPurpose.OTHER]
_ACTIVE = CameraStatus.ACTIVE.value
_POLE_OFFSET = ("pole_east_m", "pole_north_m")
_NO_POSITION = (LocationQuality.DEFAULT.value, LocationQuality.NONE.value)


class CameraRow(NamedTuple):
    """What the table keeps of a camera, in the units of its columns; NaN and 0 px stand for unknown."""

    lat_deg: float
    lon_deg: float
    azimuth_deg: float
    field_of_view_deg: float
    height_m: float
    width_px: int
    kind: int
    purposes: int
    placed: bool
    in_service: bool
    site_id: str
    owner: str
    content_hash: int


class LearnedRow(NamedTuple):
    """What the table keeps of a camera's knowledge.

    Attributes:
        basis: checksum of the registry entry it was learned against, see ``basis_of``.
        cells: f4 (15,): factors of the 12 sectors, pole east and north of the registered position in metres, and the
            68 % error of the pole's position in metres.
    """

    basis: int
    cells: NDArray[np.float32]


def newest_by_key(
    keys: Sequence[bytes | None],
    values: Sequence[bytes | None],
    read: Callable[[bytes, bytes, dict[bytes, V | None]], V | None],
) -> tuple[dict[bytes, V | None], Errors]:
    """Return the newest readable value per key (None removes) and the errors by index.

    Args:
        keys: camera ids.
        values: records in the wire format, or None for a tombstone.
        read: called with key, value and what was found so far; gives None where nothing changes.
    """
    newest: dict[bytes, V | None] = {}
    errors: Errors = []
    for index, (key, value) in enumerate(zip(keys, values, strict=True)):
        try:
            known_key = check_key_form(key)
            if value is None:
                newest[known_key] = None
                continue
            row = read(known_key, value, newest)
        except RecordDecodeError as error:
            errors.append((index, error))
            continue
        if row is not None:
            newest[known_key] = row
    return newest, errors


def read_camera(key: bytes, value: bytes) -> CameraRow:
    """Return the row of a camera record.

    Raises:
        RecordDecodeError: it does not decode (reasons of the codec), or its id is not its key (``key-mismatch``), or a
            number is not finite or beyond its limits (``out-of-range``).
    """
    fields = _fields(Camera, value)
    _check_key(key, fields["camera_id"])
    location = fields["location"]
    lat_deg, lon_deg = location["lat_deg"], location["lon_deg"]
    if not in_range(lat_deg, lon_deg):
        raise _out_of_range("location", "within -90..90 and -180..180", f"{lat_deg}, {lon_deg}")
    site_id, owner = fields["site_id"], fields["owner"]
    if len(site_id) > MAX_ID_BYTES or len(owner) > MAX_ID_BYTES:
        raise _out_of_range("site_id and owner", f"at most {MAX_ID_BYTES} characters", "more")
    azimuth_deg, field_of_view_deg = fields["azimuth_deg"], fields["field_of_view_deg"]
    width_px, height_m = fields["width_px"], fields["height_m"]
    if width_px is None:
        width_px = 0
    elif not 0 < width_px <= MAX_WIDTH_PX:
        raise _out_of_range("width_px", f"above 0 and at most {MAX_WIDTH_PX}", width_px)
    return CameraRow(
        lat_deg,
        lon_deg,
        nan if azimuth_deg is None else _within("azimuth_deg", azimuth_deg, 0.0, 360.0),
        nan if field_of_view_deg is None else _within("field_of_view_deg", field_of_view_deg, 0.0, 360.0),
        nan if height_m is None else _within("height_m", height_m, -MAX_HEIGHT_M, MAX_HEIGHT_M),
        width_px,
        KIND_CODES.get(fields["kind"], _OTHER_KIND),
        _purpose_bits(fields["purposes"]),
        _is_placed(location, fields["quality_flags"]),
        fields["status"] == _ACTIVE,
        site_id,
        owner,
        hash(value),
    )


def read_health(key: bytes, value: bytes) -> int:
    """Return the place in ``HEALTH_STATES`` that a health record tells; a state that is new to us is ``other``.

    Raises:
        RecordDecodeError: it does not decode (reasons of the codec), or its id is not its key (``key-mismatch``).
    """
    fields = _fields(CameraHealth, value)
    _check_key(key, fields["camera_id"])
    return HEALTH_CODES.get(fields["state"], _OTHER_HEALTH)


def read_knowledge(key: bytes, value: bytes) -> LearnedRow:
    """Return what the table keeps of a knowledge record.

    Raises:
        RecordDecodeError: it does not decode (reasons of the codec), or its id is not its key (``key-mismatch``), or a
            number is not finite or beyond its limits (``out-of-range``).
    """
    fields = _fields(CameraKnowledge, value)
    _check_key(key, fields["camera_id"])
    factors = fields["factors"]
    if len(factors) != SECTORS:
        raise _out_of_range("factors", f"{SECTORS} numbers", f"{len(factors)}")
    cells = [_within("factors", factor, 0.0, MAX_FACTOR) for factor in factors]
    cells += [_within(name, fields[name], -MAX_POLE_OFFSET_M, MAX_POLE_OFFSET_M) for name in _POLE_OFFSET]
    cells.append(_within("pole_error_m", fields["pole_error_m"], 0.0, MAX_POLE_OFFSET_M))
    return LearnedRow(fields["basis"], np.array(cells, np.float32))


def basis_of(lat_deg: float, lon_deg: float, kind: int, azimuth_deg: float, field_of_view_deg: float) -> int:
    """Return the checksum of what looks can contradict of a registry entry; the same on every machine.

    Numbers are rounded to what a registry means: positions to about a metre, angles to a degree.
    """
    angles = [round(angle) if isfinite(angle) else -1 for angle in (azimuth_deg, field_of_view_deg)]
    return crc32(pack("<iiBhh", round(lat_deg * 1e5), round(lon_deg * 1e5), kind, *angles))


def _fields(record_type: type[Any], value: bytes) -> dict[str, Any]:
    """Return the fields of a record as dicts and lists."""
    schemas = _schemas_by_header(record_type.__name__).get(value[:HEADER_BYTES])
    if schemas is not None and len(value) <= MAX_RECORD_BYTES:
        body = BytesIO(value)
        body.seek(HEADER_BYTES)
        try:
            fields: Any = fastavro.schemaless_reader(body, *schemas)
        except Exception:  # noqa: S110  # many types on garbage; the codec names it below
            pass
        else:
            if body.tell() == len(value):
                return fields  # type: ignore[no-any-return]
    # Something to refuse, in the codec's words.
    return asdict(decode(record_type, value))


@cache
def _schemas_by_header(record: str) -> dict[bytes, tuple[Any, Any]]:
    """Return (writer's schema, today's schema or None if it is the same) by the first bytes of a record.

    parse_schema marks its result as parsed, which spares the reader from parsing it for each record.
    """
    newest_id = newest_schema(record).schema_id
    today = fastavro.parse_schema(dict(newest_schema(record).schema))
    return {
        bytes([MAGIC]) + schema_id.to_bytes(4, "big"): (today, None)
        if schema_id == newest_id
        else (fastavro.parse_schema(dict(writer.schema)), today)
        for schema_id, writer in published_schemas().items()
        if writer.record == record
    }


def _check_key(key: bytes, camera_id: str) -> None:
    if camera_id.encode() != key:
        raise RecordDecodeError("key-mismatch", "camera_id must equal the record's key, but they differ")


def check_key_form(key: bytes | None) -> bytes:
    """Return the key of a camera's record or tombstone.

    Raises:
        RecordDecodeError: ``key-mismatch``: there is none, or it is empty or too long for an id.
    """
    if not key or len(key) > MAX_ID_BYTES:
        got = "none" if key is None else f"{len(key)} bytes"
        raise RecordDecodeError("key-mismatch", f"the key must be a camera_id of 1 to {MAX_ID_BYTES} bytes, got {got}")
    return key


def _within(name: str, number: float, low: float, high: float) -> float:
    if not low <= number <= high:  # NaN is not within anything
        raise _out_of_range(name, f"within {low:g}..{high:g}", number)
    return number


def _is_placed(location: Mapping[str, Any], quality_flags: Sequence[str]) -> bool:
    """Return whether a camera may be taken to stand where its record says."""
    if location["quality"] in _NO_POSITION or PILE_FLAG in quality_flags:
        return False
    lat_deg: float = location["lat_deg"]
    lon_deg: float = location["lon_deg"]
    return lat_deg != 0.0 or lon_deg != 0.0


def _out_of_range(name: str, rule: str, got: object) -> RecordDecodeError:
    return RecordDecodeError("out-of-range", f"{name} must be {rule}, got {got}")


def _purpose_bits(purposes: Sequence[str]) -> int:
    bits = 0
    for purpose in purposes:
        bits |= PURPOSE_BITS.get(purpose, _OTHER_PURPOSE)
    return bits
