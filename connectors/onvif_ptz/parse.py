"""One line of the table of heads to a head. Pure.

Degrees of a head: pan as the head counts it, tilt above the horizon (down is negative).
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.secrets import Secret

MODES = ("auto", "geo", "absolute", "preset")
DIRECTIONS = ("clockwise", "counter-clockwise")
FIELDS = frozenset(
    {
        "camera_id", "url", "profile", "owner", "username", "password_file", "password_env", "mode", "home_preset",
        "pan_zero_deg", "pan_direction", "pan_min_deg", "pan_max_deg", "tilt_min_deg", "tilt_max_deg",
        "tilt_inverted", "zoom_max", "presets",
    }
)  # fmt: skip
PRESETS_MAX = 300
TEXT_CHARACTERS_MAX = 512
_PRESET = re.compile(r"\s*([^:;]{1,64}):([^:;]+):([^:;]+):([^:;]+)\s*")


@dataclass(frozen=True, slots=True)
class PresetAim:
    """A stored aim of a head.

    Attributes:
        name: its name or token in the camera.
        pan_deg: degrees clockwise from north.
        tilt_deg: degrees below the horizon.
        zoom: zoom factor, 1 or more.
    """

    name: str
    pan_deg: float
    tilt_deg: float
    zoom: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """One PTZ head and how it is reached.

    Attributes:
        camera_id: id of the camera in the registry.
        url: its ONVIF device service.
        profile: token of the media profile; empty for the first that can turn.
        owner: whose it is; names the login where it has none of its own.
        username: login at the camera; empty for the owner's.
        password: where its password lies.
        mode: how it is turned: ``auto`` takes GeoMove where the camera offers it, else an absolute position, else the
            nearest preset.
        home_preset: preset to return to; empty for the camera's home position.
        pan_zero_deg: bearing of the head's pan zero, degrees clockwise from north.
        pan_sign: 1 where the head counts pan clockwise seen from above, else -1.
        pan_min_deg: lower end of its pan in its own degrees, and ``pan_max_deg`` the upper one.
        pan_max_deg: see there.
        tilt_min_deg: lowest elevation it reaches, degrees; down is negative.
        tilt_max_deg: highest elevation.
        tilt_inverted: whether the highest elevation has the smallest number.
        zoom_max: zoom factor at the end of its range.
        presets: stored aims, for cameras that know no absolute positions.
    """

    camera_id: str
    url: str
    profile: str = ""
    owner: str = ""
    username: str = ""
    password: Secret = field(default_factory=lambda: Secret("password"))
    mode: str = "auto"
    home_preset: str = ""
    pan_zero_deg: float = 0.0
    pan_sign: int = 1
    pan_min_deg: float = -180.0
    pan_max_deg: float = 180.0
    tilt_min_deg: float = -90.0
    tilt_max_deg: float = 0.0
    tilt_inverted: bool = False
    zoom_max: float = 20.0
    presets: tuple[PresetAim, ...] = ()


def head_of(where: str, fields: Mapping[str, Any]) -> Head:
    """Return the head that a line of the table describes; values may be text, as in CSV.

    Args:
        where: file and line, for messages.
        fields: the line; empty texts count as not there.

    Raises:
        ConnectorConfigError: a field is missing, unknown or wrong; the message names it.
    """
    row = {name: value for name, value in fields.items() if value is not None and value != ""}
    unknown = sorted(set(row) - FIELDS)
    if unknown:
        raise ConnectorConfigError(f"{where}: {unknown[0]} is not known; known are {', '.join(sorted(FIELDS))}")
    url = _text(where, row, "url")
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname or urlsplit(url).username:
        raise ConnectorConfigError(f"{where}: url must be http or https, name a host and hold no login")
    camera_id = _text(where, row, "camera_id")
    if not url or not camera_id:
        raise ConnectorConfigError(f"{where}: camera_id and url must be given")
    head = Head(
        camera_id=camera_id,
        url=url,
        profile=_text(where, row, "profile"),
        owner=_text(where, row, "owner"),
        username=_text(where, row, "username"),
        password=_password(where, row),
        mode=_choice(where, row, "mode", MODES),
        home_preset=_text(where, row, "home_preset"),
        pan_zero_deg=_number(where, row, "pan_zero_deg", 0.0, (-360, 360)),
        pan_sign=1 if _choice(where, row, "pan_direction", DIRECTIONS) == "clockwise" else -1,
        pan_min_deg=_number(where, row, "pan_min_deg", -180.0, (-720, 720)),
        pan_max_deg=_number(where, row, "pan_max_deg", 180.0, (-720, 720)),
        tilt_min_deg=_number(where, row, "tilt_min_deg", -90.0, (-180, 180)),
        tilt_max_deg=_number(where, row, "tilt_max_deg", 0.0, (-180, 180)),
        tilt_inverted=_choice(where, row, "tilt_inverted", ("false", "true")) == "true",
        zoom_max=_number(where, row, "zoom_max", 20.0, (1, 1000)),
        presets=_presets(where, row.get("presets", "")),
    )
    if head.pan_min_deg >= head.pan_max_deg or head.tilt_min_deg >= head.tilt_max_deg:
        raise ConnectorConfigError(f"{where}: pan_min_deg and tilt_min_deg must be below pan_max_deg and tilt_max_deg")
    if head.mode == "preset" and not head.presets:
        raise ConnectorConfigError(f"{where}: mode preset needs presets")
    return head


def _password(where: str, row: Mapping[str, Any]) -> Secret:
    secret = Secret("password", _text(where, row, "password_file"), _text(where, row, "password_env"))
    if secret.file and secret.env:
        raise ConnectorConfigError(f"{where}: password_file and password_env exclude each other")
    return secret


def _presets(where: str, value: Any) -> tuple[PresetAim, ...]:
    """Return presets written ``name:pan:tilt:zoom;…``, or as tables in TOML."""
    tables = value
    if isinstance(value, str):
        found = [_PRESET.fullmatch(part) for part in value.split(";") if part.strip()]
        if not all(found):
            raise ConnectorConfigError(f"{where}: presets must be written name:pan:tilt:zoom;name:pan:tilt:zoom")
        names = ("name", "pan_deg", "tilt_deg", "zoom")
        tables = [dict(zip(names, match.groups(), strict=True)) for match in found if match]
    if not isinstance(tables, list) or len(tables) > PRESETS_MAX or not all(isinstance(t, Mapping) for t in tables):
        raise ConnectorConfigError(f"{where}: presets must be a list of at most {PRESETS_MAX} tables")
    return tuple(
        PresetAim(
            _text(where, table, "name"),
            _number(where, table, "pan_deg", None, (-360, 360)),
            _number(where, table, "tilt_deg", None, (-90, 90)),
            _number(where, table, "zoom", 1.0, (1, 1000)),
        )
        for table in tables
    )


def _text(where: str, row: Mapping[str, Any], name: str) -> str:
    value = row.get(name, "")
    if not isinstance(value, str) or len(value) > TEXT_CHARACTERS_MAX:
        raise ConnectorConfigError(f"{where}: {name} must be text of at most {TEXT_CHARACTERS_MAX} characters")
    return value.strip()


def _choice(where: str, row: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    value = str(row.get(name, allowed[0])).strip().lower()
    if value not in allowed:
        raise ConnectorConfigError(f"{where}: {name} must be one of {', '.join(allowed)}")
    return value


def _number(where: str, row: Mapping[str, Any], name: str, default: float | None, bounds: tuple[float, float]) -> float:
    least, most = bounds
    value = row.get(name, default)
    try:
        number = math.nan if isinstance(value, bool) or value is None else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not least <= number <= most:
        raise ConnectorConfigError(f"{where}: {name} must be a number from {least:g} to {most:g}")
    return number
