"""Results as JSON rows and as markdown between the markers of the README."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.eyes_on.cells import CellResult
from benchmarks.eyes_on.scoring import Figure

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
Row = dict[str, Any]


def row_of(result: CellResult) -> Row:
    """Return a cell's result as plain values; a figure is [value, low, high]."""
    cell = result.cell
    return {
        "name": cell.name,
        "city": cell.city,
        "registry": cell.registry,
        "interval_s": cell.interval_s,
        "k": cell.count,
        "zoom": cell.zoom,
        "method": cell.method,
        "episodes": result.episodes,
        "engine_us": result.engine_us,
        "cpu_s": round(result.cpu_s, 2),
        "figures": {name: listed(figure) for name, figure in result.figures.items()},
    }


def listed(figure: Figure) -> list[float]:
    """Return a figure as [value, low, high]."""
    return [round(figure.value, 4), round(figure.low, 4), round(figure.high, 4)]


def markdown(rows: Sequence[Row], extras: Sequence[Row], titles: dict[str, str]) -> str:
    """Return a table for each city, then the tables of what is not a walk."""
    parts = []
    for city, title in titles.items():
        mine = [row for row in rows if row["city"] == city]
        if mine:
            parts.append(f"### {title}\n\n{_city_table(mine)}")
    if extras:
        parts.append(f"### Incidents, drives, areas, contended heads, optimum\n\n{_extra_table(extras, titles)}")
    return "\n\n".join(parts)


def _city_table(rows: Sequence[Row]) -> str:
    head = (
        "| registry | k | heads | who chooses | % of ceiling at 62 px/m, 60 s | 300 s | at 25 px/m | first view, s "
        "| gaps/h | switches/min | PTZ °/min | cameras open | engine µs |"
    )
    lines = [head, "|" + "---|" * 13]
    keys = list(dict.fromkeys((r["registry"], r["k"], r["zoom"], r["method"]) for r in rows))
    for key in keys:
        both = {r["interval_s"]: r for r in rows if (r["registry"], r["k"], r["zoom"], r["method"]) == key}
        registry, k, zoom, method = key
        cells = [registry, str(k), "zoom" if zoom else "wide", method]
        cells += [_share(both.get(interval_s)) for interval_s in (60, 300)]
        cells += [
            _pair(both, "share_25", 100, 0),
            _pair(both, "first_view_delay_s", 1, 0),
            _pair(both, "gaps_per_hour", 1, 1),
            _pair(both, "switches_per_minute", 1, 1),
            _pair(both, "ptz_deg_per_minute", 1, 0),
            _pair(both, "cameras_open", 1, 1),
            " / ".join("–" if r["engine_us"] is None else f"{r['engine_us']:.0f}" for r in both.values()),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _share(row: Row | None) -> str:
    if row is None:
        return "–"
    value, low, high = (100 * v for v in row["figures"]["share_62"])
    return f"{value:.0f} ({low:.0f}…{high:.0f})"


def _pair(both: dict[int, Row], name: str, scale: float, digits: int) -> str:
    return " / ".join(f"{row['figures'][name][0] * scale:.{digits}f}" for row in both.values())


def _extra_table(extras: Sequence[Row], titles: dict[str, str]) -> str:
    cities = [city for city in titles if any(row["city"] == city for row in extras)]
    lines = ["| % | " + " | ".join(titles[c] for c in cities) + " |", "|---|" + "---|" * len(cities)]
    for what in dict.fromkeys(row["name"] for row in extras):
        cells = []
        for city in cities:
            found = next((r for r in extras if r["city"] == city and r["name"] == what), None)
            if found is None:
                cells.append("–")
            else:
                value, low, high = (100 * v for v in found["figure"])
                cells.append(f"{value:.1f} ({low:.0f}…{high:.0f})")
        lines.append(f"| {what} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def write_readme(text: str, readme: Path = README) -> None:
    """Put the tables between the markers.

    Raises:
        ValueError: the README has no markers.
    """
    before = readme.read_text("utf-8")
    if BEGIN not in before or END not in before:
        raise ValueError(f"{readme.name} must have the lines {BEGIN} and {END}")
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    readme.write_text(pattern.sub(lambda _: f"{BEGIN}\n{text}\n{END}", before), "utf-8")


def write_json(path: Path, rows: Sequence[Row], extras: Sequence[Row], about: Row) -> None:
    """Write everything that was measured."""
    path.write_text(json.dumps({"about": about, "cells": list(rows), "extras": list(extras)}, indent=1), "utf-8")
