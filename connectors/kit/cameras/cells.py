"""What single cells say: counts, resolutions, days, months and times. Pure; every function survives any text."""

import math
import re
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

# Distinct texts per column are few (a purpose, a date of the release); the bound only guards against noise.
CACHED_TEXTS = 4096

_COUNT = re.compile(r"(\d{1,6})(?:\.0*)?\s*(?:대|개|ea)?", re.IGNORECASE)
_DAYS = re.compile(r"(\d{1,5})(?:\.0*)?\s*(?:일|days?)?", re.IGNORECASE)
_MONTH = re.compile(r"(\d{4})(?:\s*[-./년]?\s*(\d{1,2})(?:\s*[-./월]?.{0,20})?|\s*년?)")
_TIME = re.compile(
    r"(\d{4})\s*[-./년]?\s*(\d{1,2})\s*[-./월]?\s*(\d{1,2})\s*[일.]?"
    r"(?:[T\s]*(\d{1,2}):?(\d{2})(?::?(\d{2})(?:\.\d{1,9})?)?)?"
)
_RASTER = re.compile(r"(\d{3,5})\s*[x×*X]\s*\d{3,5}")
_PIXELS = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*(만|m)?", re.IGNORECASE)

# No camera of a city is older; 1905 is a year (e.g. 2015) that a spreadsheet took as a number of days.
INSTALL_YEAR_MIN = 1980
DATA_YEAR_MIN = 1990
# Ten years; more is a slip.
RETENTION_DAYS_MAX = 3650

# Usual sensors: ten thousands of pixels → horizontal pixels. 41 is the analogue PAL/NTSC class (4:3, 720 × 576 or 480),
# 130 is 1280 × 1024, 200 Full HD 1920 × 1080, 300 2048 × 1536 (4:3), 400 2560 × 1440, 500 2592 × 1944 (4:3),
# 600 3072 × 2048, 800 4K 3840 × 2160, 1200 4000 × 3000.
SENSOR_WIDTHS_PX: dict[int, int] = {
    41: 720,
    130: 1280,
    200: 1920,
    300: 2048,
    400: 2560,
    500: 2592,
    600: 3072,
    800: 3840,
    1200: 4000,
}
# A resolution counts as one of the usual sensors within this share (38만 is written for 41, 207만 and 213만 for 200).
SENSOR_TOLERANCE = 0.12


def tidy(text: str) -> str:
    """Return the text with tabs, line breaks and runs of spaces as single spaces."""
    return " ".join(text.split())


def camera_count(text: str) -> int | None:
    """Return the number of cameras a cell states, None if it states no number; 0 is returned as it is."""
    match = _COUNT.fullmatch(text.strip())
    return int(match.group(1)) if match else None


def retention_days(text: str) -> int | None:
    """Return the days of keeping, 0 to 3650, None if the cell states none or an absurd number."""
    match = _DAYS.fullmatch(text.strip())
    days = int(match.group(1)) if match else None
    return days if days is not None and days <= RETENTION_DAYS_MAX else None


@lru_cache(maxsize=CACHED_TEXTS)
def install_month(text: str) -> tuple[int, int | None] | None:
    """Return (year, month) of ``YYYYMM``, ``YYYY-MM``, ``YYYY.MM``, ``YYYY년 MM월`` or a whole date.

    The month is None if there is only a year. Returns None if the text is no month. Years are not judged here.
    """
    match = _MONTH.fullmatch(text.strip())
    if match is None:
        return None
    year, month = int(match.group(1)), match.group(2)
    if month is None:
        return year, None
    return (year, int(month)) if 1 <= int(month) <= 12 else None


@lru_cache(maxsize=CACHED_TEXTS)
def local_time_us(text: str, zone: ZoneInfo) -> int | None:
    """Return UTC microseconds of a local date or time, None if it is neither or before 1990.

    A date alone is its midnight. Takes dashes, dots, slashes, Korean units or digits only.
    """
    match = _TIME.fullmatch(text.strip())
    if match is None or int(match.group(1)) < DATA_YEAR_MIN:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
    try:
        # OverflowError: the zone's shift leads out of the calendar.
        return int(datetime(year, month, day, hour, minute, second, tzinfo=zone).timestamp()) * 1_000_000
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=CACHED_TEXTS)
def width_px(text: str) -> int | None:
    """Return the horizontal pixels a resolution means, 0 if it is given as 0, None if it cannot be read.

    A bare number below 30 is megapixels, up to 9,999 ten thousands (만) as the standard asks, from 100,000 pixels.
    Resolutions near a usual sensor get its width, others that of a 4:3 (below 1.5 megapixels) or 16:9 raster.
    """
    raster = _RASTER.search(text)
    if raster:
        return int(raster.group(1))
    match = _PIXELS.search(text.replace(",", ""))
    if match is None:
        return None
    number, unit = float(match.group(1)), (match.group(2) or "").lower()
    if number == 0:
        return 0
    man = _ten_thousands(number, unit)
    if man is None or not 1 <= man <= 20_000:
        return None
    nearest = min(SENSOR_WIDTHS_PX, key=lambda sensor: abs(sensor - man))
    if abs(nearest - man) <= SENSOR_TOLERANCE * nearest:
        return SENSOR_WIDTHS_PX[nearest]
    ratio = 4 / 3 if man < 150 else 16 / 9
    return round(math.sqrt(man * 10_000 * ratio))


def _ten_thousands(number: float, unit: str) -> float | None:
    if unit == "만":
        return number
    if unit == "m" or number < 30:
        return number * 100
    if number < 10_000:
        return number
    return number / 10_000 if number >= 100_000 else None
