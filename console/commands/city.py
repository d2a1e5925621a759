"""``goldentime city``: the map of a city, its streets and buildings."""

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from console.maps.building import Report, build_map
from console.options import Options
from topologies.city_map import CityMap, read_map

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(epilog="Example: goldentime city build seoul --streets seoul.osm.pbf")
def city() -> None:
    """Build the map of a city from street and building files, and check it."""


@city.command(epilog="Example: goldentime city build seoul --streets roads.gpkg --buildings houses.gpkg")
@click.argument("name")
@click.option(
    "--streets",
    "streets_file",
    type=_FILE,
    required=True,
    help="Lines that people walk on: .osm.pbf, .gpkg or .geojson.",
)
@click.option(
    "--buildings",
    "buildings_file",
    type=_FILE,
    help="Outlines of buildings; an OpenStreetMap extract given as --streets has them too.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was read and built as JSON.")
@click.pass_obj
def build(options: Options, name: str, streets_file: Path, buildings_file: Path | None, as_json: bool) -> None:
    """Build the map of a city: streets cut into cells, and where looks pass. It replaces the map there was.

    What lies outside the city's box is left out. Without buildings, looks pass within 8 m of a street.
    """
    chosen = dataclasses.replace(options, city=name).load_city()
    with _progress() as report:
        summary = build_map(chosen, streets_file, buildings_file, report)
    click.echo(json.dumps(summary.as_json(), ensure_ascii=False) if as_json else summary.as_text())


@city.command(epilog="Example: goldentime city check seoul")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print what is there as JSON.")
@click.pass_context
def check(ctx: click.Context, name: str, as_json: bool) -> None:
    """Read the map of a city and print what it holds. Exit code 1: there is none; 2: it is damaged."""
    options: Options = ctx.obj
    found = read_map(dataclasses.replace(options, city=name).load_city())
    facts: dict[str, Any] = {"city": name, "map": found is not None} | ({} if found is None else _facts(found))
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False))
    elif found is None:
        click.echo(f"{name} has no map: decisions are made without streets and buildings")
    else:
        click.echo("\n".join(f"{key:<16} {_plain(value)}" for key, value in facts.items() if key != "map"))
    if found is None:
        ctx.exit(1)


def _facts(found: CityMap) -> dict[str, Any]:
    streets, free = found.streets, found.free
    return {
        "street_km": round(float(streets.edge_length_m.sum(dtype=float)) / 1000, 3),
        "nodes": len(streets.node_x_m),
        "edges": len(streets.edge_from),
        "cells": len(streets),
        "buildings_known": free.buildings_known,
        "pixel_m": free.pixel_m,
        "streets_hash": streets.content_hash,
        "free_space_hash": free.content_hash,
        "memory_mb": round((streets.memory_bytes + free.memory_bytes) / 1e6, 2),
        "sources": found.about.get("sources", {}),
        "attribution": found.about.get("attribution", ""),
    }


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(value) or "unknown"
    return f"{value:,}" if isinstance(value, int | float) else str(value)


@contextmanager
def _progress() -> Iterator[Report]:
    """Give a function that shows what is being done on standard error; silent where no terminal is."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed:,}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("starting", total=None)

        def report(says: str, done: int) -> None:
            progress.update(task, description=says, completed=done)

        yield report
