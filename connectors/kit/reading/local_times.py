"""Local times as exports write them, to UTC microseconds. A source that writes no zone means the city's."""

import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

# Nothing that is alarmed now happened before; a slip of a digit does.
_FIRST_YEAR, _LAST_YEAR = 2000, 2099
_SEPARATED = re.compile(
    r"(\d{2}|\d{4})[-/.](\d{1,2})[-/.](\d{1,2})[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?", re.ASCII
)
# YYYYMMDDhhmm, YYYYMMDDhhmmss or YYYYMMDDhhmmssSSS; a table program adds ".0".
_PACKED = re.compile(r"(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})?(\d{3})?(?:\.0+)?", re.ASCII)
_DATE = re.compile(r"(\d{4})[-/.]?(\d{2})[-/.]?(\d{2})(?:\.0+)?", re.ASCII)
_CLOCK = re.compile(r"(\d{1,6})(?:\.0+)?", re.ASCII)


def local_time_us(value: Any, zone: ZoneInfo) -> int | None:
    """Return a local date and time as UTC microseconds since the epoch; None where it is not one.

    Reads ``20/12/01 01:43:07.000000000``, ``2020-12-01 01:43:07``, ``2020/12/01T01:43`` and the packed forms
    ``20201201014307`` (also as a number), with or without seconds or milliseconds. Two-digit years are of this century.
    An hour that the end of summer time repeats is taken as its first run.
    """
    text = _text(value)
    match = _SEPARATED.fullmatch(text) or _PACKED.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    fraction_us = int((match.group(7) or "0").ljust(6, "0")[:6])
    return _utc_us((year + 2000 if year < 100 else year, month, day), (hour, minute, second), fraction_us, zone)


def local_date_and_time_us(date: Any, clock: Any, zone: ZoneInfo) -> int | None:
    """Return a date YYYYMMDD and a time HHMMSS as UTC microseconds since the epoch; None where they are not that.

    The time may have lost its zeros: 7 is 00:00:07 and 14307 is 01:43:07.
    """
    day, time = _DATE.fullmatch(_text(date)), _CLOCK.fullmatch(_text(clock))
    if day is None or time is None:
        return None
    digits = time.group(1).zfill(6)
    year, month, day_of_month = (int(part) for part in day.groups())
    return _utc_us((year, month, day_of_month), (int(digits[:2]), int(digits[2:4]), int(digits[4:])), 0, zone)


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, bool) else str(value).strip()[:64]


def _utc_us(date: tuple[int, int, int], clock: tuple[int, int, int], fraction_us: int, zone: ZoneInfo) -> int | None:
    if not _FIRST_YEAR <= date[0] <= _LAST_YEAR:
        return None
    try:
        moment = datetime(*date, *clock, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return int(moment.timestamp()) * 1_000_000 + fraction_us
