"""What all writers say alike of their records: CloudEvents 1.0 attributes (Kafka protocol binding, binary mode)."""

from datetime import datetime, timedelta
from functools import lru_cache

SPEC_VERSION = ("ce_specversion", b"1.0")
EVENT_TYPE_PREFIX = "goldentime."
US_PER_S = 1_000_000
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC; the Z is written by hand


def rfc3339(time_us: int) -> str:
    """Return a time in UTC microseconds since the epoch as RFC 3339 text, e.g. ``2026-03-01T12:00:00.000000Z``.

    The epoch stands for times that no calendar date has.
    """
    second, rest_us = divmod(time_us, US_PER_S)
    try:
        return f"{_to_the_second(second)}.{rest_us:06d}Z"
    except OverflowError:
        return f"{_to_the_second(0)}.000000Z"


@lru_cache(maxsize=256)
def _to_the_second(second: int) -> str:
    # Records of a batch lie close together; writing out the date is most of the price.
    return (_EPOCH + timedelta(seconds=second)).isoformat()
