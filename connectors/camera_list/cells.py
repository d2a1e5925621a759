"""What single cells of a camera list say. Pure; every function survives any text."""

import re
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from connectors.kit.cameras.cells import CACHED_TEXTS, local_time_us, width_px
from connectors.kit.reading.iso_times import epoch_us, iso_us

# The points of the compass, clockwise from north, 22.5 degrees apart.
_COMPASS = ("N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW")
_WORDS = {"NORTH": 0.0, "EAST": 90.0, "SOUTH": 180.0, "WEST": 270.0} | {
    f"{ns}{between}{ew}": degrees
    for between in ("", " ", "-")
    for ns, ew, degrees in (("NORTH", "EAST", 45.0), ("SOUTH", "EAST", 135.0), ("SOUTH", "WEST", 225.0),
                            ("NORTH", "WEST", 315.0))
}  # fmt: skip
COMPASS_DEG = {word: index * 22.5 for index, word in enumerate(_COMPASS)} | _WORDS
_NUMBER = re.compile(r"([-+]?\d{1,6}(?:\.\d{1,12})?)\s*([^\d\s].{0,12})?")
_DEGREES_UNITS = frozenset({"", "°", "DEG", "DEGREES", "D"})
_METRES_OF = {"m": 1.0, "metres": 1.0, "meters": 1.0, "ft": 0.3048, "feet": 0.3048, "foot": 0.3048, "'": 0.3048}
HEIGHT_MIN_M, HEIGHT_MAX_M = 1.0, 150.0
# Narrower is a slip, wider than this is all round.
FIELD_MIN_DEG, FIELD_MAX_DEG = 10.0, 359.0
# Names of rasters, by their lines or by their columns.
_RASTERS = {
    **{"480P": 720, "720P": 1280, "HD": 1280, "1080P": 1920, "1080I": 1920, "FULL HD": 1920, "FHD": 1920, "2K": 2048},
    **{"1440P": 2560, "QHD": 2560, "2160P": 3840, "4K": 3840, "UHD": 3840, "4320P": 7680, "8K": 7680},
}
WIDTH_MIN_PX, WIDTH_MAX_PX = 160, 40_000
_POINT = re.compile(r"POINT\s*(?:Z|M|ZM)?\s*\(\s*(\S{1,30})[ ,]\s*(\S{1,30}?)(?:\s+\S{1,30}){0,2}\s*\)", re.IGNORECASE)
_PAIR = re.compile(r"[(\[]?\s*([^\s,;()\[\]]{1,30})(?:\s*[,;]\s*|\s+)([^\s,;()\[\]]{1,30})\s*[)\]]?")
_HEMISPHERE = re.compile(r"([-+]?)(\d[\d.]{0,30})\s*°?\s*([NSEW]?)", re.IGNORECASE)


def degrees_text(text: str, decimal: str = ".") -> str:
    """Return a latitude or longitude as a plain number: ``40,2`` with a comma, ``69.04° W`` and ``40.2 N`` are read.

    What has none of these forms comes back as it is, for the reading of positions to refuse.
    """
    text = text.strip()
    if decimal == ",":
        text = text.replace(",", ".")
    match = _HEMISPHERE.fullmatch(text)
    if match is None or (not match[3] and "°" not in text and match[1] != "+"):
        return text
    is_negative = (match[1] == "-") != (match[3].upper() in ("S", "W") and bool(match[3]))
    return f"{'-' if is_negative else ''}{match[2]}"


def point_texts(text: str, order: str, decimal: str = ".") -> tuple[str, str]:
    """Return (latitude, longitude) as texts of a point in one text; both empty where it is none.

    Args:
        text: ``POINT (lon lat)``, whose order is that of the standard unless the form says otherwise, or two numbers.
        order: ``longitude-first`` or ``latitude-first``.
        decimal: point or comma of numbers.
    """
    match = _POINT.search(text) or _PAIR.fullmatch(text.strip())
    if match is None:
        return "", ""
    first, second = (degrees_text(part, decimal) for part in match.groups())
    return (second, first) if order == "longitude-first" else (first, second)


@lru_cache(maxsize=CACHED_TEXTS)
def bearing_deg(text: str) -> tuple[float | None, bool]:
    """Return (degrees clockwise from north, whether it is only a word of the compass); None where it is no bearing."""
    word = " ".join(text.upper().replace(".", " ").split()) if not any(map(str.isdigit, text)) else text.upper()
    word = word.removesuffix("BOUND").strip()
    if word in COMPASS_DEG:
        return COMPASS_DEG[word], True
    match = _NUMBER.fullmatch(text.strip())
    if match is None or (match[2] or "").strip().upper() not in _DEGREES_UNITS:
        return None, False
    value = float(match[1])
    return (value % 360, False) if -180 <= value <= 360 else (None, False)


@lru_cache(maxsize=CACHED_TEXTS)
def field_deg(text: str) -> float | None:
    """Return a width of field in degrees, 10 to 360; None where it is none."""
    match = _NUMBER.fullmatch(text.strip())
    if match is None or (match[2] or "").strip().upper() not in _DEGREES_UNITS:
        return None
    value = float(match[1])
    return value if FIELD_MIN_DEG <= value <= 360 else None


@lru_cache(maxsize=CACHED_TEXTS)
def height_m(text: str, metres_per_unit: float) -> float | None:
    """Return a height in metres, 1 to 150; None where it is none. A unit that is written counts."""
    match = _NUMBER.fullmatch(text.strip())
    unit = (match[2] or "").strip(" .").lower() if match else ""
    if match is None or (unit and unit not in _METRES_OF):
        return None
    value = round(float(match[1]) * (_METRES_OF[unit] if unit else metres_per_unit), 2)
    return value if HEIGHT_MIN_M <= value <= HEIGHT_MAX_M else None


@lru_cache(maxsize=CACHED_TEXTS)
def resolution_px(text: str, bare: str) -> int | None:
    """Return the horizontal pixels a resolution means; None where it cannot be read.

    Args:
        text: ``1920x1080``, ``1080p``, ``4K``, ``2 MP``, or a bare number.
        bare: what a bare number is: ``megapixels`` or ``width``.
    """
    word = " ".join(text.upper().split())
    if word in _RASTERS:
        return _RASTERS[word]
    match = _NUMBER.fullmatch(text.strip())
    unit = (match[2] or "").strip().upper() if match else ""
    if match is None or unit[:1] in ("X", "×", "*"):
        found = width_px(text) if re.search(r"\d\s*[x×*]\s*\d", text, re.IGNORECASE) else None
    elif unit in ("MP", "MPX", "MEGAPIXEL", "MEGAPIXELS") or (not unit and bare == "megapixels"):
        found = width_px(f"{match[1]}M") if 0 < float(match[1]) < 1000 else None
    else:
        found = round(float(match[1])) if unit in ("", "PX", "PIXELS") else None
    return found if found is not None and WIDTH_MIN_PX <= found <= WIDTH_MAX_PX else None


@lru_cache(maxsize=CACHED_TEXTS)
def moment_us(text: str, formats: tuple[str, ...], zone: ZoneInfo) -> int | None:
    """Return UTC microseconds of a time in one of the formats, in ISO 8601 or since 1970; None where it is none."""
    text = text.strip()
    for written in formats:
        try:
            moment = datetime.strptime(text, written)  # noqa: DTZ007 - the zone is the next line
            moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
            return int(moment.timestamp()) * 1_000_000
        # OverflowError: the zone's shift leads out of the calendar.
        except (ValueError, OverflowError):
            continue
    found = iso_us(text, zone)
    if found is None and text.replace(".", "", 1).isdigit() and len(text) >= 9:
        found = epoch_us(text)
    return found if found is not None else local_time_us(text, zone)
