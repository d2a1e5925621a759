"""``goldentime city new`` makes a folder that everything takes as it stands, and refuses what would harm another."""

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from connectors.kit.instances import instances_of
from console.city_new.checking import check_folder
from console.city_new.writing import FILES, FORMS
from console.commands import goldentime
from topologies.city_files import load_city

WORDS = ("--time-zone", "America/New_York", "--box", "40.1,-69.2,40.3,-68.9")
CITIES = Path(__file__).parents[2] / "cities"


def call(cities: Path, *words: str) -> Result:
    return CliRunner().invoke(goldentime, ["--cities-dir", str(cities), "city", *words])


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_a_new_city_passes_the_check_as_it_stands(tmp_path: Path) -> None:
    made = call(tmp_path, "new", "bay-port", *WORDS)
    assert made.exit_code == 0, made.output
    assert "city check bay-port" in made.output

    checked = call(tmp_path, "check", "bay-port", "--json")
    facts = json.loads(checked.output)

    assert checked.exit_code == 0
    assert (facts["title"], facts["topics"], facts["policy"]) == ("Bay Port", "bay-port.*", "bay-port-1")
    assert (facts["districts"], facts["map"]) == (1, False)
    assert facts["connectors_off"] == ["bay-port-cameras", "bay-port-cad"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bay-port"]


def test_every_file_of_a_new_city_says_what_it_is_for(tmp_path: Path) -> None:
    call(tmp_path, "new", "bayport", *WORDS)

    for name in (*FILES, *FORMS):
        text = (tmp_path / "bayport" / name).read_text("utf-8")
        assert text.startswith("# "), name
        assert "$" not in text, name
        tomllib.loads(text)


def test_the_connectors_of_a_new_city_can_be_switched_on(tmp_path: Path) -> None:
    call(tmp_path, "new", "bayport", *WORDS)
    change(tmp_path / "bayport" / "connectors.toml", "enabled = false", "enabled = true")

    assert all(instance.enabled for instance in instances_of(tmp_path, "bayport"))
    assert call(tmp_path, "check", "bayport").exit_code == 0


def test_a_folder_that_is_there_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "bayport").mkdir()

    result = call(tmp_path, "new", "bayport", *WORDS)

    assert result.exit_code == 2
    assert "is there already" in result.output
    assert list((tmp_path / "bayport").iterdir()) == []


def test_two_cities_never_share_topics(tmp_path: Path) -> None:
    call(tmp_path, "new", "bayport", *WORDS)
    change(tmp_path / "bayport" / "city.toml", 'topic_prefix = "bayport"', 'topic_prefix = "lakeport"')

    result = call(tmp_path, "new", "lakeport", *WORDS)

    assert result.exit_code == 2
    assert "bayport has the topic prefix lakeport already" in result.output
    assert not (tmp_path / "lakeport").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("Bay/../port", *WORDS), "small letters, digits and hyphens"),
        (("bayport", "--time-zone", "Asia", "--box", "1,2,3,4"), "IANA name"),
        (("bayport", "--time-zone", "UTC", "--box", "1,2,3"), "south,west,north,east"),
        (("bayport", "--time-zone", "UTC", "--box", "3,2,1,4"), "south,west,north,east"),
        (("bayport", "--time-zone", "UTC", "--box", "nan,2,3,4"), "south,west,north,east"),
        (("bayport", "--time-zone", "UTC", "--box", "1,2,30,4"), "at most 3 degrees"),
        (("bayport", "--title", 'Bay "port"', *WORDS), "without quotes"),
    ],
)
def test_what_cannot_be_a_city_is_refused_and_nothing_is_written(
    words: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    result = call(tmp_path, "new", *words)

    assert result.exit_code == 2
    assert message in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_city_south_and_west_of_zero_is_one_too(tmp_path: Path) -> None:
    words = ("--time-zone", "America/Santiago", "--box", "-33.6,-70.8,-33.3,-70.5", "--title", "Puerto Ñandú")
    result = call(tmp_path, "new", "puerto", *words)

    assert result.exit_code == 0, result.output
    assert load_city(tmp_path, "puerto").box_deg == (-33.6, -70.8, -33.3, -70.5)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("connectors.toml", '"cad_911"', '"cad_119"', "there is no connector 'cad_119'"),
        ("connectors.toml", 'form = "cad_911.toml"', 'form = "gone.toml"', "gone.toml cannot be read"),
        ("connectors.toml", "every_s = 600", "evry_s = 600", "option 'evry_s' is not known"),
        ("camera_list.toml", '"CRIME" = "crime-prevention"', '"CRIME" = "crime"', "[purposes]: CRIME must be one of"),
        ("cad_911.toml", 'service = "fire"', 'service = "ambulance"', "service must be one of"),
        ("labels.toml", "[kinds]", "[kind]", "labels.toml: unknown field kind"),
        ("labels.toml", "[kinds]", '[kinds]\nfire = "\\u001b[2J"', r"labels.toml [kinds]: fire must be"),
        ("projections.toml", "bayport-police", "elsewhere", "projections.toml"),
        ("ranks.toml", "rank = 0", "rank = 7", "ranks.toml"),
    ],
)
def test_the_check_names_file_and_field_of_what_cannot_be_used(
    file: str, old: str, new: str, message: str, tmp_path: Path
) -> None:
    call(tmp_path, "new", "bayport", *WORDS)
    change(tmp_path / "bayport" / file, old, new)

    result = call(tmp_path, "check", "bayport")

    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.parametrize("name", sorted(path.parent.name for path in CITIES.glob("*/city.toml")))
def test_the_cities_that_are_shipped_can_be_used_whole(name: str) -> None:
    facts = check_folder(load_city(CITIES, name))

    assert facts["recipients"] > 0
