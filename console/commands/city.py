"""``goldentime city``: a new city's folder, the map of its streets and buildings, and whether all of it can be used."""

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from console.city_new.checking import check_folder
from console.city_new.writing import NewCity, box_of, make_city
from console.maps.building import Report, build_map
from console.options import DEFAULT_CITIES_DIR, Options
from topologies.city_map import CityMap, read_map

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(epilog="Example: goldentime city build seoul --streets seoul.osm.pbf")
def city() -> None:
    """Make the folder of a new city, build its map from street and building files, and check all of it."""


@city.command(epilog="Example: goldentime city new bayport --time-zone Europe/Lisbon --box 38.6,-9.3,38.9,-9.0")
@click.argument("name")
@click.option("--title", default="", help="Name for people; made of NAME where it is not given.")
@click.option("--time-zone", required=True, metavar="ZONE", help="IANA name, such as America/New_York.")
@click.option("--box", required=True, metavar="S,W,N,E", help="South, west, north, east of the city in degrees.")
@click.option(
    "--dir",
    "cities_dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the cities' folders are, if not where --cities-dir says.",
)
@click.pass_obj
def new(options: Options, name: str, *, title: str, time_zone: str, box: str, cities_dir: Path | None) -> None:
    """Make the folder of a new city: files with comments, usable as they stand. Nothing that is there is touched."""
    city = NewCity(name, title or name.replace("-", " ").title(), time_zone, box_of(box))
    made = make_city(city, cities_dir or options.cities_dir)
    click.echo(f"{made.title}: {made.folder}")
    click.echo("next: purposes.toml (your law), ranks.toml, agencies.toml, connectors.toml, then")
    where = "" if made.folder.parent == DEFAULT_CITIES_DIR else f"--cities-dir {made.folder.parent} "
    click.echo(f"  goldentime {where}city check {name}")


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
@click.option("--need-map", is_flag=True, help="Exit code 1 where the city has no map.")
@click.option("--json", "as_json", is_flag=True, help="Print what is there as JSON.")
@click.pass_context
def check(ctx: click.Context, name: str, *, need_map: bool, as_json: bool) -> None:
    """Read all of a city's folder as its parts would and print what it holds. Exit code 2: a part cannot be used."""
    options: Options = ctx.obj
    loaded = dataclasses.replace(options, city=name).load_city()
    found = read_map(loaded)
    facts: dict[str, Any] = {"city": name, **check_folder(loaded), "map": found is not None}
    facts |= {} if found is None else _facts(found)
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False))
    else:
        click.echo("\n".join(f"{key:<16} {_plain(value)}" for key, value in facts.items() if key != "map"))
        if found is None:
            click.echo(f"{name} has no map: decisions are made without streets and buildings")
    if found is None and need_map:
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
    if isinstance(value, dict | list):
        return ", ".join(value) or ("unknown" if isinstance(value, dict) else "none")
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
