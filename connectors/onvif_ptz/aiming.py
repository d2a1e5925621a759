"""From where a camera should look to what its head is told. Pure.

Positions are those of the ONVIF PTZ service: the generic space is the head's whole range as a number from one end to
the other (-1 to 1, zoom 0 to 1), the spherical space is degrees with tilt upwards positive.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.onvif_ptz.parse import Head, PresetAim
from schemas.camera_assignment import Aim

PAN_TILT = "http://www.onvif.org/ver10/tptz/PanTiltSpaces/"
GENERIC = PAN_TILT + "PositionGenericSpace"
SPHERICAL = PAN_TILT + "SphericalPositionSpace"
ZOOM_GENERIC = "http://www.onvif.org/ver10/tptz/ZoomSpaces/PositionGenericSpace"
# A target so far beyond the end of the range may still be in the picture of a wide lens; farther it is not.
BEYOND_DEG = 20.0
# A preset that points farther away than this shows something else.
PRESET_REACH_DEG = 45.0


@dataclass(frozen=True, slots=True)
class Space:
    """A range of positions that a head offers.

    Attributes:
        uri: its name.
        x_min: smallest pan, or zoom; then the largest, and the same for tilt.
        x_max: see there.
        y_min: see there.
        y_max: see there.
    """

    uri: str
    x_min: float = -1.0
    x_max: float = 1.0
    y_min: float = -1.0
    y_max: float = 1.0


@dataclass(frozen=True, slots=True)
class Offered:
    """What a head can be told.

    Attributes:
        profile: token of the media profile that turns it.
        geo: whether it takes a point on the ground (GeoMove).
        pan_tilt: its spaces of absolute positions.
        zoom: its space of absolute zoom; None without one.
        presets: tokens of its presets by name; tokens stand under themselves too.
        home: whether it has a home position.
    """

    profile: str
    geo: bool = False
    pan_tilt: tuple[Space, ...] = ()
    zoom: Space | None = None
    presets: Mapping[str, str] = field(default_factory=dict)
    home: bool = False


@dataclass(frozen=True, slots=True)
class GeoMove:
    """Turn to a point on the ground so that an area of some metres fills the picture."""

    lat_deg: float
    lon_deg: float
    area_width_m: float
    area_height_m: float


@dataclass(frozen=True, slots=True)
class AbsoluteMove:
    """Turn to a position in the spaces of the head; zoom may be left as it is."""

    space: str
    pan: float
    tilt: float
    zoom_space: str = ""
    zoom: float | None = None


@dataclass(frozen=True, slots=True)
class PresetMove:
    """Turn to a stored aim by its token."""

    token: str


Move = GeoMove | AbsoluteMove | PresetMove


def move_of(aim: Aim, head: Head, offered: Offered) -> Move | str:
    """Return what the head is told, or why it cannot look there: ``out-of-reach``, ``no-preset``, ``cannot-turn``."""
    wants = head.mode
    if offered.geo and wants in ("auto", "geo"):
        return GeoMove(aim.lat_deg, aim.lon_deg, aim.area_width_m, aim.area_height_m)
    space = _space(offered)
    if space is not None and wants in ("auto", "absolute"):
        return _absolute(aim, head, space, offered.zoom) or "out-of-reach"
    if wants in ("auto", "preset") and head.presets:
        return _preset(aim, head, offered) or "no-preset"
    return "cannot-turn"


def pan_of(bearing_deg: float, head: Head) -> float | None:
    """Return a bearing in the head's own degrees, at its end where it lies a little beyond; None if farther."""
    pan_deg = head.pan_sign * (bearing_deg - head.pan_zero_deg)
    turned = [pan_deg + 360.0 * turns for turns in range(-4, 5)]
    inside = [deg for deg in turned if head.pan_min_deg <= deg <= head.pan_max_deg]
    if inside:
        return min(inside, key=abs)
    ends = ((abs(deg - end), end) for deg in turned for end in (head.pan_min_deg, head.pan_max_deg))
    beyond_deg, end = min(ends)
    return end if beyond_deg <= BEYOND_DEG else None


def tilt_of(below_horizon_deg: float, head: Head) -> float | None:
    """Return a tilt as the head's elevation, at its end where it lies a little beyond; None if farther."""
    elevation_deg = -below_horizon_deg
    reached_deg = min(max(elevation_deg, head.tilt_min_deg), head.tilt_max_deg)
    return reached_deg if abs(reached_deg - elevation_deg) <= BEYOND_DEG else None


def _space(offered: Offered) -> Space | None:
    """Return the best space: degrees need no knowledge of the head's range."""
    by_rank = sorted(offered.pan_tilt, key=lambda space: not space.uri.startswith(SPHERICAL))
    return next((s for s in by_rank if s.uri.startswith(SPHERICAL) or s.uri == GENERIC), None)


def _absolute(aim: Aim, head: Head, space: Space, zoom_space: Space | None) -> AbsoluteMove | None:
    pan_deg, tilt_deg = pan_of(aim.pan_deg, head), tilt_of(aim.tilt_deg, head)
    if pan_deg is None or tilt_deg is None:
        return None
    if space.uri.startswith(SPHERICAL):
        pan, tilt = min(max(pan_deg, space.x_min), space.x_max), min(max(tilt_deg, space.y_min), space.y_max)
    else:
        pan = _between(space.x_min, space.x_max, pan_deg, head.pan_min_deg, head.pan_max_deg)
        ends = (head.tilt_max_deg, head.tilt_min_deg) if head.tilt_inverted else (head.tilt_min_deg, head.tilt_max_deg)
        tilt = _between(space.y_min, space.y_max, tilt_deg, *ends)
    if zoom_space is None:
        return AbsoluteMove(space.uri, pan, tilt)
    zoom = min(max(aim.zoom, 1.0), head.zoom_max)
    # Linear between the ends: what lies between is not in ONVIF, and a head's curve is the maker's secret.
    share = 0.0 if head.zoom_max <= 1.0 else _between(zoom_space.x_min, zoom_space.x_max, zoom, 1.0, head.zoom_max)
    return AbsoluteMove(space.uri, pan, tilt, zoom_space.uri, share)


def _between(low: float, high: float, value: float, start: float, end: float) -> float:
    """Return the number from ``low`` to ``high`` that lies as ``value`` lies from ``start`` to ``end``."""
    return low + (high - low) * (value - start) / (end - start)


def _preset(aim: Aim, head: Head, offered: Offered) -> PresetMove | None:
    there = [preset for preset in head.presets if preset.name in offered.presets]
    best = min(there, key=lambda preset: _apart_deg(preset, aim), default=None)
    if best is None or _apart_deg(best, aim) > PRESET_REACH_DEG:
        return None
    return PresetMove(offered.presets[best.name])


def _apart_deg(preset: PresetAim, aim: Aim) -> float:
    """Return the angle between two directions, degrees (spherical law of cosines)."""
    tilt_a, tilt_b = math.radians(preset.tilt_deg), math.radians(aim.tilt_deg)
    turn = math.radians(preset.pan_deg - aim.pan_deg)
    cosine = math.sin(tilt_a) * math.sin(tilt_b) + math.cos(tilt_a) * math.cos(tilt_b) * math.cos(turn)
    return math.degrees(math.acos(min(1.0, max(-1.0, cosine))))
