"""Times in ISO 8601 and RFC 3339, and as seconds or milliseconds since the epoch, to UTC microseconds."""

import math
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

# 2000-01-01 to 2100-01-01, seconds since the epoch: nothing that is alarmed now happened before.
_FIRST_S, _LAST_S = 946_684_800, 4_102_444_800
# 1900-01-01 to 2200-01-01: a calendar can show these in any zone and form.
_SHOWN_FIRST_US, _SHOWN_LAST_US = -2_208_988_800_000_000, 7_258_118_400_000_000


def iso_us(value: Any, zone: ZoneInfo | None = None) -> int | None:
    """Return a time such as ``2026-03-01T12:00:00+09:00`` as UTC microseconds since the epoch.

    Args:
        value: the source's text.
        zone: what a time without an offset means; None refuses such times.

    Returns:
        None where it is no time from 2000 to 2099.
    """
    if not isinstance(value, str) or not 10 <= len(value.strip()) <= 40:
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    if moment.tzinfo is None:
        if zone is None:
            return None
        moment = moment.replace(tzinfo=zone)
    try:
        seconds = moment.timestamp()
    except (ValueError, OverflowError):
        return None
    return round(seconds * 1_000_000) if _FIRST_S <= seconds < _LAST_S else None


def epoch_us(value: Any) -> int | None:
    """Return a number of seconds, milliseconds or microseconds since the epoch as UTC microseconds.

    The three never overlap in the years that are taken.

    Returns:
        None where it is no such number from 2000 to 2099.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(number):
        return None
    for per_second in (1, 1_000, 1_000_000):
        if _FIRST_S <= number / per_second < _LAST_S:
            return round(number * (1_000_000 // per_second))
    return None


def utc_moment(time_us: int) -> datetime:
    """Return UTC microseconds since the epoch as a calendar has them, to the second; the nearest of 1900 to 2199.

    A record's field can hold any number of 64 bits; one that is no time must not stop those who write it out.
    """
    return datetime.fromtimestamp(min(max(time_us, _SHOWN_FIRST_US), _SHOWN_LAST_US) // 1_000_000, UTC)
