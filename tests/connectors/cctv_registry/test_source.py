"""The source: entries in the order of the rows, cursors, progress, clean stop, options."""

import asyncio
import dataclasses
import inspect
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest

import connectors.cctv_registry as package
from connectors.cctv_registry.config import OPTIONS
from connectors.cctv_registry.registry import load
from connectors.cctv_registry.source import CctvRegistrySource, Config
from connectors.kit import manifest
from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.source import Accepted, Refused
from schemas.topics import CAMERAS
from tests.connectors.cctv_registry.files import NOW_US, a_row, many_rows, write_file

FOLDER = Path(inspect.getfile(package)).parent


@dataclasses.dataclass(frozen=True)
class StandingClock:
    time_us: int = NOW_US

    def now_us(self) -> int:
        return self.time_us


def a_context(**known: Any) -> ConnectorContext:
    return ConnectorContext(StandingClock(), Pseudonyms.without_key(), **known)


def a_source(path: Path, **known: Any) -> CctvRegistrySource:
    return CctvRegistrySource(Config.from_options({"path": str(path)}), a_context(**known))


async def all_of(source: CctvRegistrySource, cursor: str | None = None) -> list[Accepted | Refused]:
    return [entry async for entry in source.entries(cursor)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    rows = [a_row(관리번호="A", 카메라대수="3"), a_row(관리번호="B", WGS84위도="0"), a_row(관리번호="C")]
    return write_file(tmp_path / "registry.csv", rows)


async def test_entries_come_in_the_order_of_the_rows_and_all_are_there(path: Path) -> None:
    entries = await all_of(a_source(path))

    kinds = [type(entry) for entry in entries]
    assert kinds == [Accepted, Accepted, Accepted, Refused, Accepted]
    assert {entry.topic for entry in entries} == {CAMERAS}
    assert [entry.cursor and entry.cursor.partition("@")[0] for entry in entries] == [None, None, "2", "3", "4"]


async def test_reading_goes_on_after_the_cursor(path: Path) -> None:
    entries = await all_of(a_source(path))

    for at, entry in enumerate(entries):
        if entry.cursor is not None:
            assert await all_of(a_source(path), entry.cursor) == entries[at + 1 :]


@pytest.mark.parametrize("cursor", ["3@0000000000000000", "rubbish", "", "x@y", "３"])
async def test_a_cursor_of_another_file_begins_anew(path: Path, cursor: str) -> None:
    assert await all_of(a_source(path), cursor) == await all_of(a_source(path))


async def test_the_source_and_the_bulk_load_agree(path: Path) -> None:
    loaded = load(path, Config(), NOW_US)
    entries = await all_of(a_source(path))

    assert [e.record for e in entries if isinstance(e, Accepted)] == loaded.cameras
    assert [dataclasses.replace(e, cursor=None) for e in entries if isinstance(e, Refused)] == loaded.refused


async def test_progress_and_report_are_there_as_soon_as_the_file_is_read(path: Path) -> None:
    source = a_source(path)
    assert (source.total_rows, source.report) == (None, None)

    entries = source.entries(None)
    await anext(entries)
    assert (source.total_rows, source.rows_done) == (3, 1)
    rest = [entry async for entry in entries]

    assert len(rest) == 4
    assert source.rows_done == 3
    assert source.report is not None
    assert source.report.refused_rows == 1


def test_the_bulk_load_tells_how_far_it_is(tmp_path: Path) -> None:
    path = write_file(tmp_path / "r.csv", many_rows(2500))
    told: list[tuple[int, int | None]] = []

    load(path, Config(), NOW_US, progress=lambda done, total: told.append((done, total)))

    assert told[0] == (1000, None)
    assert told[-1] == (2500, 2500)
    assert (2000, 2500) in told


async def test_a_cancelled_load_ends_at_once_and_its_thread_soon(tmp_path: Path) -> None:
    path = write_file(tmp_path / "r.csv", many_rows(30_000))
    task = asyncio.create_task(all_of(a_source(path)))
    await asyncio.sleep(0)  # let it start its thread

    started_s = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.get_running_loop().shutdown_default_executor()

    assert time.monotonic() - started_s < 2


async def test_the_citys_box_comes_from_the_deployment_unless_the_options_say_otherwise(path: Path) -> None:
    far_away = (33.0, 126.0, 33.6, 127.0)
    source = a_source(path, city_box=far_away)
    await all_of(source)

    assert source.report is not None
    assert source.report.flags["outside-city"] == 2


def test_a_box_can_be_read_from_the_districts(tmp_path: Path) -> None:
    outline = tmp_path / "districts.json"
    ring = "[[127.0,37.5],[127.1,37.5],[127.1,37.6],[127.0,37.5]]"
    feature = f'{{"type":"Feature","geometry":{{"type":"Polygon","coordinates":[{ring}]}},"properties":{{}}}}'
    outline.write_text(f'{{"type":"FeatureCollection","features":[{feature}]}}', "utf-8")

    box = Config(districts=str(outline)).city()

    assert box is not None
    assert (box.south_deg, box.west_deg, box.north_deg, box.east_deg) == pytest.approx(
        (37.495, 126.995, 37.605, 127.105)
    )


@pytest.mark.parametrize("text", ["", "{}", "[1, 2"])
def test_an_outline_that_is_none_is_a_mistake_of_the_configuration(tmp_path: Path, text: str) -> None:
    outline = tmp_path / "districts.json"
    outline.write_text(text, "utf-8")

    with pytest.raises(ConnectorConfigError, match="districts"):
        Config(districts=str(outline)).city()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "path"),
        ({"path": "r.csv", "colour": "red"}, "colour"),
        ({"path": "r.csv", "row_cameras_max": 0}, "row_cameras_max"),
        ({"path": "r.csv", "pile_cameras_max": "many"}, "pile_cameras_max"),
        ({"path": "r.csv", "pile_accuracy_m": -1}, "pile_accuracy_m"),
        ({"path": "r.csv", "city_box": [1, 2, 3]}, "city_box"),
        ({"path": "r.csv", "city_box": "38,126,37,127"}, "south, west, north, east"),
        ({"path": "r.csv", "time_zone": "Asia/Nowhere"}, "time_zone"),
        ({"path": "r.csv", "time_zone": "../etc"}, "time_zone"),
        ({"path": "r.csv", "default_purposes": "spying"}, "default_purposes"),
        ({"path": "r.csv", "owner": " "}, "owner"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConnectorConfigError, match=message):
        Config.from_options(options)


def test_options_may_be_text_from_a_command_line() -> None:
    config = Config.from_options(
        {"path": "r.csv", "city_box": "37.4,126.7,37.7,127.2", "row_cameras_max": "20", "default_purposes": "disaster"}
    )

    assert (config.city_box, config.row_cameras_max) == ((37.4, 126.7, 37.7, 127.2), 20)
    assert config.default_purposes == ("disaster",)


def test_a_file_without_a_purpose_column_gets_the_purposes_of_the_options(load_rows: Any) -> None:
    rows = [a_row("seoul-ansimi")]

    assert load_rows(rows, "seoul-ansimi").cameras[0].purposes == ("unknown",)
    loaded = load_rows(rows, "seoul-ansimi", default_purposes=("crime-prevention",))
    assert loaded.cameras[0].purposes == ("crime-prevention",)


def test_the_manifest_tells_the_options_and_their_defaults_as_the_code_has_them() -> None:
    options = manifest.read_manifest(FOLDER).options
    defaults = {name: option.default for name, option in options.items() if not option.required}

    assert set(options) == OPTIONS
    assert Config.from_options({"path": "r.csv", **defaults}) == Config(path="r.csv")


async def test_the_runner_builds_the_source_from_its_name_and_options(path: Path) -> None:
    source = manifest.build("cctv_registry", {"path": str(path)}, a_context())

    assert len([entry async for entry in source.entries(None)]) == 5


def test_the_quality_card_gives_a_reason_for_what_is_not_done() -> None:
    rules = tomllib.loads((FOLDER / "quality.toml").read_text("utf-8"))["rules"]

    assert {rule["status"] for rule in rules.values()} <= {"done", "todo", "exempt"}
    assert all(rule["status"] == "done" or rule["reason"] for rule in rules.values())
