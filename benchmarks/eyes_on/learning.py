"""A month of cases before the measured ones, from which cameras are learned.

Assumption: half a case per square kilometre and day in which somebody on foot is watched for 40 minutes (missing and
wandering people, and those whom the police look for). On Seoul's 605 square kilometres that is 300 a day, of some 2,000
urgent calls; a city that looks less learns less. Cases come in groups, spread evenly over the month.
"""

from typing import TYPE_CHECKING

from benchmarks.eyes_on.maps import city_map

if TYPE_CHECKING:
    from benchmarks.eyes_on.cells import Scope

CASES_PER_KM2_AND_DAY = 0.5
DAYS = 30
CASE_S = 2_400
# So many cases run side by side: what one teaches helps the next ones.
TOGETHER = 15


def cases_of(city: str) -> int:
    """Return how many cases a month brings to a city of the benchmark."""
    streets = city_map(city)
    width_m, height_m = (float(axis.max() - axis.min()) for axis in (streets.node_x_m, streets.node_y_m))
    return round(width_m * height_m / 1e6 * CASES_PER_KM2_AND_DAY * DAYS)


def group_every_s(city: str) -> float:
    """Return the time from the beginning of one group of cases to the next, seconds."""
    return DAYS * 86_400 / len(month_of(city))


def month_of(city: str) -> "list[Scope]":
    """Return the month's episodes in groups, one after the other."""
    from benchmarks.eyes_on.cells import Scope  # noqa: PLC0415  # cells play what is listed here

    whole = cases_of(city)
    starts = range(0, whole, TOGETHER)
    return [Scope(min(TOGETHER, whole - start), CASE_S, "learning", start) for start in starts]
