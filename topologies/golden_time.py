"""The golden time of a city, measured: seconds from the report to the first view, by kind, district and hour.

The first view is the first version of a case's opening with a camera that shows it
(:func:`pipeline.decisions.golden_time.shows_target`). The clock starts with the report, where a source tells it apart
from what happened (:func:`pipeline.cases.golden_clock.clock_start_us`). Drills do not count: their times are made up.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry, Histogram

from pipeline.cases.golden_clock import clock_start_us
from schemas.camera_assignment import CameraAssignment
from topologies.city_files import City

# From a second to a day: a report may come without a place, and where only the time of what happened is known, that
# counts.
FIRST_VIEW_BUCKETS_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 21_600.0, 86_400.0)
# A city has some dozens of kinds and districts. Of what comes beyond, the label is OTHER, so that no sender can fill
# the memory of whoever collects the metrics.
LABELS_MAX = 100
LABEL_CHARACTERS_MAX = 64
OTHER, UNKNOWN = "other", "unknown"
# 1900 to 2199, UTC microseconds: a calendar can show these in any zone.
_FIRST_US, _LAST_US = -2_208_988_800_000_000, 7_258_118_400_000_000


@dataclass(frozen=True, slots=True)
class CityTerms:
    """What a city calls things, for the labels of its metrics.

    Attributes:
        time_zone: of its hours of the day.
        kinds: what its rules name; each always has a label of its own.
        districts: its districts; likewise.
    """

    time_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    kinds: frozenset[str] = frozenset()
    districts: frozenset[str] = frozenset()


NO_TERMS = CityTerms()


def terms_of(city: City) -> CityTerms:
    """Return the words of a city: its zone, its districts, and the kinds that its ranks and purposes speak of."""
    patterns = [pattern for pattern, _ in (*city.policy.ranks.rules, *city.policy.gate.rules)]
    return CityTerms(
        time_zone=ZoneInfo(city.time_zone),
        kinds=frozenset(kind for pattern in patterns for kind in pattern.kinds),
        districts=frozenset(district.name for district in city.policy.districts),
    )


@dataclass(frozen=True, slots=True)
class GoldenTime:
    """How long a case waited for its first view.

    Attributes:
        service: its first service.
        kind: what happened.
        district: where; ``unknown`` if the assignment names none.
        hour: hour of the city's day in which it was reported, 0 to 23.
        seconds: from the report to the decision, not below 0.
    """

    service: str
    kind: str
    district: str
    hour: int
    seconds: float


def golden_time_of(first_view: CameraAssignment, time_zone: ZoneInfo) -> GoldenTime:
    """Return the golden time that the version with a case's first view tells.

    Args:
        first_view: the version.
        time_zone: the city's.
    """
    # A report can name any number of 64 bits; the hour of one that is no time does not matter.
    start_us = min(max(clock_start_us(first_view), _FIRST_US), _LAST_US)
    reported = datetime.fromtimestamp(start_us / 1e6, UTC).astimezone(time_zone)
    where = first_view.where
    return GoldenTime(
        service=first_view.services[0] if first_view.services else OTHER,
        kind=first_view.kind or UNKNOWN,
        district=(where.district if where is not None else None) or UNKNOWN,
        hour=reported.hour,
        seconds=max(0.0, (first_view.decided_us - clock_start_us(first_view)) / 1e6),
    )


class GoldenTimeMetrics:
    """The histograms of a worker: by service, kind, district and hour, each by itself, so that labels stay few.

    Args:
        registry: where they are shown.
        prefix: of their names.
        terms: the city's zone, kinds and districts.
    """

    def __init__(self, registry: CollectorRegistry, prefix: str, terms: CityTerms) -> None:
        self._zone = terms.time_zone
        self._kinds, self._districts = _FewLabels(terms.kinds), _FewLabels(terms.districts)
        self._by = {
            label: Histogram(
                f"{prefix}time_to_first_view_{'' if label == 'service' else f'by_{label}_'}seconds",
                f"The golden time: seconds from the report to the case's first view, by {of}.",
                [label],
                buckets=FIRST_VIEW_BUCKETS_S,
                registry=registry,
            )
            for label, of in (
                ("service", "service"),
                ("kind", "kind"),
                ("district", "district"),
                ("hour", "hour of the city's day"),
            )
        }

    def saw(self, first_views: Iterable[CameraAssignment]) -> None:
        """Count the versions with which cases got their first view."""
        for first_view in first_views:
            if first_view.exercise:
                continue
            time = golden_time_of(first_view, self._zone)
            self._by["service"].labels(time.service).observe(time.seconds)
            self._by["kind"].labels(self._kinds.label(time.kind)).observe(time.seconds)
            self._by["district"].labels(self._districts.label(time.district)).observe(time.seconds)
            self._by["hour"].labels(f"{time.hour:02}").observe(time.seconds)


class _FewLabels:
    """Values of a label: those known from the start, then as many new ones as fit, in the order they come."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = set(known)

    def label(self, value: str) -> str:
        """Return the value, or ``other``."""
        if value in self._known:
            return value
        if len(self._known) >= LABELS_MAX or len(value) > LABEL_CHARACTERS_MAX:
            return OTHER
        self._known.add(value)
        return value
