"""The small run that guards against regressions: a few cells, the same episodes each time, bounds in ``bounds.json``.

A bound is the lower end of the 95 % interval of the same cells when they were last measured with ``--write-bounds``: a
change that only shuffles luck stays above it, one that costs more than the run's own noise falls below.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.eyes_on.cells import Cell, Scope

BOUNDS = Path(__file__).with_name("bounds.json")
SCOPE = Scope(episodes=100, seconds=1_800, seeds="test", first_seed=0)
CITIES = ("old-town", "helsinki")
Row = dict[str, Any]


def quick_cells(cities: Sequence[str] = CITIES) -> list[Cell]:
    """Return the cells of the small run."""
    kinds = (
        ("clean", 60, False, "nearest"),
        ("clean", 60, False, "engine"),
        ("clean", 300, False, "engine"),
        ("clean", 60, False, "engine+feedback"),
        ("clean", 300, False, "engine+feedback"),
        ("clean", 300, True, "engine+feedback"),
        ("faulted", 60, False, "engine+feedback"),
    )
    return [Cell(city, registry, s, 4, zoom, method) for city in cities for registry, s, zoom, method in kinds]


def broken_bounds(rows: Sequence[Row], path: Path = BOUNDS) -> list[str]:
    """Return a sentence for each cell that fell below its bound. A bound whose cell was not run is broken too."""
    bounds: dict[str, float] = json.loads(path.read_text("utf-8"))["share_62_at_least"]
    got = {row["name"]: float(row["figures"]["share_62"][0]) for row in rows}
    broken = []
    for name, bound in bounds.items():
        if name not in got:
            broken.append(f"{name}: not measured, must be at least {bound:.3f}")
        elif got[name] < bound:
            broken.append(f"{name}: {got[name]:.3f}, must be at least {bound:.3f}")
    return broken


def write_bounds(rows: Sequence[Row], date: str, path: Path = BOUNDS) -> None:
    """Write the lower ends of the intervals of these rows as the new bounds; rules of thumb have none."""
    bounds = {row["name"]: row["figures"]["share_62"][1] for row in rows if row["method"].startswith("engine")}
    about = {
        "date": date,
        "episodes": SCOPE.episodes,
        "seconds": SCOPE.seconds,
        "seeds": f"{SCOPE.seeds}, from {SCOPE.first_seed}",
    }
    path.write_text(json.dumps({"about": about, "share_62_at_least": bounds}, indent=1) + "\n", "utf-8")
