"""``goldentime sighting``: what somebody saw of a case."""

from typing import Any

import click

from console.case_input import actor_ref, header, open_case, write
from console.options import Options
from schemas.camera_assignment import ViewLevel
from schemas.location import Location, LocationQuality
from schemas.sighting import Sighting, SightingResult, SightingSource
from schemas.topics import SIGHTINGS

# How near the true place a click on a map lands, unless told otherwise.
CLICK_ACCURACY_M = 10.0
_LEVELS = [level.value for level in ViewLevel if level != ViewLevel.OTHER]
_SOURCES = [source.value for source in SightingSource if source != SightingSource.OTHER]


@click.command(epilog="Example: goldentime --city demo sighting police_112:2026-000017 --camera cctv-12 --seen")
@click.argument("case")
@click.option("--seen/--not-seen", "seen", default=None, help="What came of the look; one of both is needed.")
@click.option("--camera", metavar="ID", help="The camera looked through.")
@click.option("--lat", "lat_deg", type=click.FloatRange(-85, 85), help="The place, WGS 84 latitude in degrees.")
@click.option("--lon", "lon_deg", type=click.FloatRange(-180, 180), help="The place, WGS 84 longitude in degrees.")
@click.option("--accuracy", "accuracy_m", type=click.FloatRange(0, 100_000), default=CLICK_ACCURACY_M,
              show_default=True, help="Metres around the place that hold the true one with 68 %.")  # fmt: skip
@click.option("--level", type=click.Choice(_LEVELS), help="How well the target was seen (IEC 62676-4).")
@click.option("--by", type=click.Choice(_SOURCES), default="operator", show_default=True, help="Who looked.")
@click.option("--reliability", type=click.FloatRange(0, 1),
              help="Probability that it is true; without it the city's figure for who looked.")  # fmt: skip
@click.option("--ago", "ago_s", type=click.FloatRange(0, 86_400), default=0.0, help="How long ago it was, seconds.")
@click.option("--actor", metavar="ID",
              help="Who says so: becomes a pseudonym where a key is set, else is written as given.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the record as JSON.")
@click.pass_context
def sighting(ctx: click.Context, /, case: str, as_json: bool, **told: Any) -> None:
    """Tell the engine that somebody looked for the target of a case, and saw it or did not.

    CASE is the id of an open case or the beginning of one. Give the camera, or the place, or both. A case without a
    person, such as a fire, needs the place where it was seen: the case is there from then on. Exit code 1: there is no
    such open case, and nothing was written.
    """
    options: Options = ctx.obj
    place = _place(told)
    if told["seen"] is None:
        raise click.UsageError("say --seen or --not-seen")
    if place is None and not told["camera"]:
        raise click.UsageError("a look needs --camera, or --lat and --lon")
    found = open_case(ctx, case)
    begins = header(options, found)
    record = Sighting(
        **begins,
        camera_id=told["camera"] or None,
        result=SightingResult.SEEN if told["seen"] else SightingResult.LOOKED_NOT_SEEN,
        level=told["level"],
        seen_us=begins["observed_us"] - int(told["ago_s"] * 1_000_000),
        by=told["by"],
        reliability=told["reliability"],
        actor_ref=actor_ref(options, told["actor"]),
        location=place,
    )
    write(options, SIGHTINGS, record, as_json=as_json)


def _place(told: dict[str, Any]) -> Location | None:
    lat_deg, lon_deg = told["lat_deg"], told["lon_deg"]
    if (lat_deg is None) != (lon_deg is None):
        raise click.UsageError("--lat and --lon belong together")
    if lat_deg is None:
        return None
    if lat_deg == 0 and lon_deg == 0:
        raise click.UsageError("--lat 0 --lon 0 is no place")
    return Location(lat_deg=lat_deg, lon_deg=lon_deg, accuracy_m=told["accuracy_m"], quality=LocationQuality.OTHER)
