"""A city is made from nothing and runs beside one in Korea on one broker: other calls, codes, clocks and words."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from connectors.kit.instances import instances_of
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.running.cursors import KafkaCursors
from connectors.kit.running.publish import Publisher
from connectors.kit.running.runner import run_sources
from connectors.kit.settings import ConnectorSettings
from console.commands import goldentime
from console.connector_setup import context_of, jobs_of
from schemas.camera_assignment import CameraAssignment
from schemas.clock import SystemClock
from schemas.codec import decode
from schemas.topics import CAMERA_ASSIGNMENTS
from tests.consumers.city_run import city_folder
from tests.support.golden import camera_grid
from tests.topologies.running import read, running_worker, until
from topologies.city_engine import CityEngine
from topologies.city_files import City, load_city
from topologies.decisions import DecisionEngine
from topologies.settings import Settings

CHICAGO, SEOUL = ZoneInfo("America/Chicago"), ZoneInfo("Asia/Seoul")
LAKE_PORT = (42.05, -87.35)
DEMO = (37.4012, 127.4051)
GRID_SIDE = 5
CAMERA_COUNT = GRID_SIDE**2
CAD_HEADER = "CALL,DAY,CLOCK,TYPE,LEVEL,STATE,LAT,LONG,CALLER"
POLICE_HEADER = "RECV_NO,RECV_CPLT_DT,RECV_CPLT_TM,RECV_EMG_CD,EVT_STAT_CD,EVT_CL_CD,END_CD,HPPN_X,HPPN_Y"
FORM = """
[columns]
number = "CALL"
nature = "TYPE"
received = "DAY"
received_time = "CLOCK"
priority = "LEVEL"
status = "STATE"
lat = "LAT"
lon = "LONG"

[times]
formats = ["%m/%d/%Y %H:%M:%S"]

[natures]
"10-70" = { kind = "structure-fire", service = "fire" }
"211*" = { kind = "robbery", service = "police" }

[priorities]
"1" = "P1"

[statuses]
"OPEN" = "reported"
"""
CAMERA_FORM = """
[list]
owner = "Public Works"

[columns]
id = "TAG"
point = "GEO"
kind = "MODEL"
purpose = "USE"

[kinds]
"PANO" = "all-round"

[purposes]
"S+C" = ["crime-prevention", "disaster"]
"""


@dataclass(frozen=True)
class Systems:
    """What the outside systems of a city write: a file of cameras, and a folder into which calls are dropped."""

    folder: Path

    def connectors(self, name: str, kind: str, options: str = "") -> str:
        """Return the city's connectors.toml."""
        drop = self.folder / "calls"
        drop.mkdir(parents=True)
        return (
            f'[[connector]]\nname = "{name}-cameras"\nkind = "camera_list"\n'
            f'options = {{ path = "{self.folder}/cameras.csv", form = "camera_list.toml" }}\n\n'
            f'[[connector]]\nname = "{name}-calls"\nkind = "{kind}"\n'
            f'options = {{ path = "{drop}", poll_interval_s = 0.05{options} }}\n'
        )

    def set_up_cameras(self, lat_deg: float, lon_deg: float) -> None:
        """Write the cameras of the city into their file."""
        cameras = camera_grid(lat_deg, lon_deg, side=GRID_SIDE)
        rows = [f"{c.camera_id};POINT ({c.location.lon_deg} {c.location.lat_deg});PANO;S+C" for c in cameras]
        (self.folder / "cameras.csv").write_text("\n".join(["TAG;GEO;MODEL;USE", *rows, ""]), "utf-8")

    def call(self, header: str, rows: Sequence[str]) -> None:
        """Drop a file of calls."""
        part = self.folder / "calls" / "calls.csv.part"
        part.write_text("\n".join([header, *rows, ""]), "utf-8")
        part.rename(part.with_suffix(""))


def city_command(*words: str) -> str:
    result = CliRunner().invoke(goldentime, ["city", *words])
    assert result.exit_code == 0, result.output
    return result.output


def a_new_city(name: str, cities_dir: Path, systems: Systems) -> City:
    """Make a city by command and complete what only its people know."""
    box = "41.95,-87.50,42.15,-87.20"
    words = ("--title", "Lake Port", "--time-zone", "America/Chicago", "--box", box, "--dir", str(cities_dir))
    city_command("new", name, *words)
    folder = cities_dir / name
    (folder / "cad_911.toml").write_text(FORM, "utf-8")
    (folder / "camera_list.toml").write_text(CAMERA_FORM, "utf-8")
    (folder / "connectors.toml").write_text(systems.connectors(name, "cad_911", ', form = "cad_911.toml"'), "utf-8")
    (folder / "labels.toml").write_text('[kinds]\nstructure-fire = "Incendio de edificio"\n', "utf-8")
    checked = CliRunner().invoke(goldentime, ["--cities-dir", str(cities_dir), "city", "check", name, "--json"])
    assert checked.exit_code == 0, checked.output
    assert json.loads(checked.output)["connectors"] == [f"{name}-cameras", f"{name}-calls"]
    return load_city(cities_dir, name)


@asynccontextmanager
async def running(city: City, broker: str, folder: Path) -> AsyncIterator[None]:
    """Run a city's worker and connectors while a block lasts, which begins when the cameras are known."""
    settings = Settings(
        bootstrap_servers=(broker,), city=city.name, data_dir=folder, case_partitions=1, session_timeout_s=2
    )
    outside = ConnectorSettings(
        bootstrap_servers=(broker,),
        topic_prefix=city.prefix,
        clock=SystemClock(),
        pseudonyms=Pseudonyms.ephemeral(),
    )
    jobs = jobs_of(instances_of(city.folder.parent, city.folder.name), context_of(city, outside))
    stop = asyncio.Event()
    engine = cast("DecisionEngine", CityEngine(city.policy))
    async with running_worker(settings, city.prefix, engine) as worker, Publisher(outside) as publisher:
        connecting = asyncio.create_task(
            run_sources(jobs, publisher, KafkaCursors(outside, publisher), stop, outside.clock)
        )
        try:
            topology = worker.topology
            assert topology is not None
            await until(lambda: len(topology.cameras) == CAMERA_COUNT)
            yield
        finally:
            stop.set()
            await asyncio.wait_for(connecting, 10)


async def assignments(broker: str, city: City, cases: set[str]) -> dict[str, CameraAssignment]:
    """Return the newest version of each case as soon as all of these have cameras."""

    def newest(records: list[object]) -> dict[str, CameraAssignment]:
        return {r.key.decode(): decode(CameraAssignment, r.value) for r in records}  # type: ignore[attr-defined]

    def done(records: list[object]) -> bool:
        return {case for case, version in newest(records).items() if version.cameras} >= cases

    return newest(await read(broker, f"{city.prefix}.{CAMERA_ASSIGNMENTS.name}", 1, done))


@pytest.mark.slow
async def test_a_city_made_from_nothing_runs_beside_one_in_korea_and_neither_sees_the_other(
    embedded_broker: str, prefix: str, tmp_path: Path
) -> None:
    abroad, korean = Systems(tmp_path / "abroad"), Systems(tmp_path / "korea")
    lake_port = a_new_city(prefix, tmp_path / "cities", abroad)
    _, demo = city_folder(tmp_path / "korea-cities", f"{prefix}k")
    (demo.folder / "camera_list.toml").write_text(CAMERA_FORM, "utf-8")
    (demo.folder / "connectors.toml").write_text(korean.connectors("demo", "police_112"), "utf-8")
    abroad.set_up_cameras(*LAKE_PORT)
    korean.set_up_cameras(*DEMO)

    async with running(lake_port, embedded_broker, tmp_path / "a"), running(demo, embedded_broker, tmp_path / "k"):
        now_s = SystemClock().now_us() // 1_000_000
        now = datetime.fromtimestamp(now_s, UTC)
        lat, lon = LAKE_PORT
        there, here = now.astimezone(CHICAGO), now.astimezone(SEOUL)
        abroad.call(CAD_HEADER, [f"L-17,{there:%m/%d/%Y,%H:%M:%S},10-70,1,OPEN,{lat},{lon},INVENTED CALLER"])
        lat, lon = DEMO
        korean.call(POLICE_HEADER, [f"2026-17,{here:%Y%m%d,%H%M%S},C0,2,102,,{lon},{lat}"])
        fires = await assignments(embedded_broker, lake_port, {"cad_911:L-17"})
        robberies = await assignments(embedded_broker, demo, {"police_112:2026-17"})
        watched = await asyncio.to_thread(_watched, embedded_broker, lake_port)

    assert set(fires) == {"cad_911:L-17"}
    assert set(robberies) == {"police_112:2026-17"}
    fire, robbery = fires["cad_911:L-17"], robberies["police_112:2026-17"]
    assert (fire.kind, fire.services, fire.rank, fire.policy_version) == (
        "structure-fire", ("fire",), 1, f"{prefix}-1",
    )  # fmt: skip
    assert (robbery.kind, robbery.rank, robbery.policy_version) == ("robbery", 0, demo.policy.version)
    assert fire.occurred_us == robbery.occurred_us == now_s * 1_000_000
    assert fire.where is not None
    assert fire.where.district == "Lake Port"
    assert all(recipient.startswith(prefix) for recipient in fire.recipients)
    assert "Incendio de edificio" in watched


def _watched(broker: str, city: City) -> str:
    """Return what people of the city are shown."""
    words = ["--broker", broker, "--city", city.name, "--cities-dir", str(city.folder.parent), "watch", "--once"]
    result = CliRunner().invoke(goldentime, words)
    assert result.exit_code == 0, result.output
    return result.output
