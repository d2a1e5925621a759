"""What is measured besides walks, by name: incidents, drives, areas, contended heads, the optimum."""

from collections.abc import Callable, Iterator

from benchmarks.eyes_on import areas, contention, corridors, optimum, statics
from benchmarks.eyes_on.scoring import Figure

Measure = Callable[[str], Figure]


def extras() -> Iterator[tuple[str, Measure]]:
    """Return (name, measure): the measure takes a city's name."""
    for error_m in statics.ERRORS_M:
        for zoom in (False, True):
            for method in statics.METHODS:
                heads = "zoom" if zoom else "wide"
                yield f"incidents, {error_m:.0f} m, {heads}: {method}", _statics(error_m, method, zoom=zoom, two=False)
                if method == "engine":
                    yield (
                        f"incidents, {error_m:.0f} m, {heads}: {method}, two views",
                        _statics(error_m, method, zoom=zoom, two=True),
                    )
    for method in corridors.METHODS:
        yield f"drives, 4 cameras along the way: {method}", _corridors(method)
    for cameras in (4, 8):
        for method in areas.METHODS:
            yield f"areas, {cameras} cameras: {method}", _areas(method, cameras)
    for rule in contention.RULES:
        yield f"contended heads: {rule}", _contention(rule)
    yield "greedy of the exact optimum, 4 views", optimum.run_optimum


def _statics(error_m: float, method: str, *, zoom: bool, two: bool) -> Measure:
    def measure(city: str) -> Figure:
        figures = statics.run_statics(city, error_m, method, zoom=zoom)
        return figures.two if two else figures.one

    return measure


def _corridors(method: str) -> Measure:
    return lambda city: corridors.run_corridors(city, method)


def _areas(method: str, cameras: int) -> Measure:
    return lambda city: areas.run_areas(city, method, cameras)


def _contention(rule: str) -> Measure:
    return lambda city: contention.run_contention(city, rule)
