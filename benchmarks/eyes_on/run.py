"""Run the benchmark: ``python -m benchmarks.eyes_on [--quick] [--cell PART] [--episodes N] [--seed S] [--write]``."""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.eyes_on import goals, quick, tables
from benchmarks.eyes_on.cells import EPISODE_S, EPISODES, SEEDS, Cell, Scope, cells_of, run_cell
from benchmarks.eyes_on.engine_side import abilities
from benchmarks.eyes_on.extras import extras
from benchmarks.eyes_on.maps import city_map, registry

PROCESSES = 2
Row = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return 1 if ``--quick`` fell below a bound."""
    options = _options(arguments)
    began = time.monotonic()
    cities = options.city or list(quick.CITIES if options.quick else registry())
    cities = [city for city in cities if _is_here(city)]
    titles = {city: city_map(city).title for city in cities}
    scope = quick.SCOPE if options.quick else Scope(options.episodes, options.seconds, options.seeds, options.seed)
    cells = quick.quick_cells(cities) if options.quick else [cell for city in cities for cell in cells_of(city)]
    cells = [cell for cell in cells if not options.cell or any(part in cell.name for part in options.cell)]
    left_out = [cell.name for cell in cells if not cell.is_possible]
    groups = _groups([cell for cell in cells if cell.is_possible])
    with ProcessPoolExecutor(options.processes) as pool:
        rows_of = [pool.submit(_run_group, group, scope) for group in groups]
        wants_extras = not options.quick and (not options.cell or "extras" in options.cell)
        extras_of = [pool.submit(_run_extras, city) for city in cities] if wants_extras else []
        rows = [row for part in rows_of for row in part.result()]
        more = [row for part in extras_of for row in part.result()]
    order = {cell.name: place for place, cell in enumerate(cells)}
    rows.sort(key=lambda row: order[row["name"]])
    date = datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%d")
    about = _about(scope, date, left_out)
    verdicts = goals.verdicts(rows, more)
    text = f"{about}\n\n{goals.markdown(verdicts)}\n\n{tables.markdown(rows, more, titles)}"
    sys.stdout.write(f"{text}\n\n{time.monotonic() - began:.0f} s\n")
    if options.json:
        tables.write_json(options.json, rows, more, {"date": date, "about": about})
    if options.write:
        tables.write_readme(text)
    if options.write_bounds:
        quick.write_bounds(rows, date)
    broken = quick.broken_bounds(rows) if options.quick and not options.cell and not options.city else []
    for sentence in broken:
        sys.stdout.write(f"below its bound: {sentence}\n")
    return 1 if broken else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.eyes_on", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few cells under two minutes, held against their bounds")
    parser.add_argument("--cell", action="append", metavar="PART", help="only cells with this in their name; extras")
    parser.add_argument("--city", action="append", choices=sorted(registry()), help="only this city")
    parser.add_argument("--episodes", type=int, default=EPISODES)
    parser.add_argument("--seconds", type=int, default=EPISODE_S, help="length of an episode")
    parser.add_argument("--seeds", choices=sorted(SEEDS), default="test", help="tune on tuning, publish test")
    parser.add_argument("--seed", type=int, default=0, help="place of the first episode in its range of seeds")
    parser.add_argument("--processes", type=int, default=PROCESSES)
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep all figures")
    parser.add_argument("--write", action="store_true", help="put the tables into the README")
    parser.add_argument("--write-bounds", action="store_true", help="with --quick: what is measured now is the bound")
    options = parser.parse_args(arguments)
    if options.write_bounds and not options.quick:
        parser.error("--write-bounds goes with --quick")
    return options


def _is_here(city: str) -> bool:
    try:
        city_map(city)
    except FileNotFoundError as error:
        sys.stderr.write(f"{city} is left out: {error}\n")
        return False
    return True


def _groups(cells: Sequence[Cell]) -> Iterator[list[Cell]]:
    """Return the cells in groups of one city and interval: a process makes a city's truth once for a group."""
    for key in dict.fromkeys((cell.city, cell.interval_s) for cell in cells):
        yield [cell for cell in cells if (cell.city, cell.interval_s) == key]


def _run_group(cells: Sequence[Cell], scope: Scope) -> list[Row]:
    rows = []
    for cell in cells:
        row = tables.row_of(run_cell(cell, scope))
        share = " ".join(f"{100 * value:.1f}" for value in row["figures"]["share_62"])
        sys.stderr.write(f"{row['name']}: {share}, {row['cpu_s']:.1f} s CPU\n")
        rows.append(row)
    return rows


def _run_extras(city: str) -> list[Row]:
    rows = []
    for name, measure in extras():
        rows.append({"city": city, "name": name, "figure": tables.listed(measure(city))})
        sys.stderr.write(f"{city}, {name}: {rows[-1]['figure']}\n")
    return rows


def _about(scope: Scope, date: str, left_out: Sequence[str]) -> str:
    seeds = SEEDS[scope.seeds][scope.first_seed : scope.first_seed + scope.episodes]
    can = ", ".join(sorted(abilities())) or "neither map nor sightings"
    about = (
        f"{date}; {scope.episodes} walks of {scope.seconds // 60} minutes a cell, {scope.seeds} seeds {seeds.start} to "
        f"{seeds.stop - 1}; brackets are 95 % intervals over walks; pairs are fixes every 60 s / 300 s. The engine of "
        f"this run knows: {can}."
    )
    return about + (f" Cells it cannot do yet: {len(left_out)}." if left_out else "")
