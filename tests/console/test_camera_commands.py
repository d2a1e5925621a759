import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from console.demo.city import synthetic_city
from console.embedded_broker import EmbeddedBroker
from console.options import DEFAULT_CITIES_DIR
from console.topic_reader import newest_by_key, open_topic
from schemas.topics import BY_NAME, CAMERAS
from tests.console.commands import call

SEOUL = Path(__file__).resolve().parents[3] / "shared" / "data" / "seoul_ansimi_cctv_datatoys.csv"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("registry") / "cctv.csv"
    synthetic_city(1).write_registry(path)
    return path


def test_checking_reports_and_ends_with_1_when_rows_would_be_refused(registry: Path) -> None:
    result = call("cameras", "check", str(registry))
    assert result.exit_code == 1
    assert "no-position" in result.output
    report = json.loads(call("cameras", "check", str(registry), "--json").output)
    assert report["refused_rows"] == 12


def test_checking_a_clean_file_ends_with_0(registry: Path, tmp_path: Path) -> None:
    lines = registry.read_text("cp949").splitlines()
    clean = [line for line in lines[1:] if ",0,0," not in line and "172.394" not in line]
    (tmp_path / "clean.csv").write_text("\n".join([lines[0], *clean]), "cp949")
    result = call("cameras", "check", str(tmp_path / "clean.csv"))
    assert result.exit_code == 0


def test_a_file_that_is_no_registry_is_told_in_one_message(tmp_path: Path) -> None:
    (tmp_path / "letter.csv").write_text("dear madam,\nthank you\n")
    result = call("cameras", "check", str(tmp_path / "letter.csv"))
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def standing(broker: EmbeddedBroker, prefix: str) -> dict[str, Any]:
    """Return the cameras that stand on a city's topic, by id."""
    with open_topic({"bootstrap_servers": [broker.bootstrap_servers]}, CAMERAS, f"{prefix}.cameras") as reader:
        picture: dict[str, Any] = newest_by_key(reader.to_end())
    return {camera_id: camera for camera_id, camera in picture.items() if camera is not None}


def records_on(broker: EmbeddedBroker, prefix: str) -> int:
    """Return how many records and tombstones a city's topic of cameras has."""
    with open_topic({"bootstrap_servers": [broker.bootstrap_servers]}, CAMERAS, f"{prefix}.cameras") as reader:
        return sum(1 for _ in reader.to_end())


def test_loading_puts_every_camera_on_the_topic_and_refused_rows_into_dead_letters(
    broker: EmbeddedBroker, registry: Path
) -> None:
    result = call("cameras", "load", str(registry), "--json", broker=broker)
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    cameras = standing(broker, "demo")
    assert len(cameras) == told["changes"]["added"] + told["changes"]["unchanged"] == told["report"]["cameras"]
    assert told["published"] == told["changes"]["added"]
    options = {"bootstrap_servers": [broker.bootstrap_servers]}
    with open_topic(options, BY_NAME["cameras-dlq"], "demo.cameras-dlq") as reader:
        letters = [read.record for read in reader.to_end() if read.record is not None]
    assert len(letters) == told["report"]["refused_rows"]
    assert {letter.reason for letter in letters} == {"no-position", "impossible-position"}

    camera_id = next(iter(cameras))
    shown = json.loads(call("cameras", "show", camera_id, "--json", broker=broker).output)
    assert shown["camera"]["camera_id"] == camera_id
    assert shown["health"] is None
    assert camera_id in call("cameras", "show", camera_id, broker=broker).output


def test_loading_for_people_ends_with_a_summary_and_the_same_file_again_writes_nothing(
    broker: EmbeddedBroker, registry: Path
) -> None:
    call("cameras", "load", str(registry), broker=broker)
    before = records_on(broker, "demo")
    result = call("cameras", "load", str(registry), broker=broker)
    assert result.exit_code == 0
    assert "Accepted, but:" in result.stdout
    against, summary = result.stdout.splitlines()[-2:]
    assert against.startswith("Against demo.cameras: 0 added, 0 moved, 0 changed, ")
    assert against.endswith(" unchanged, 0 gone")
    assert "0 written, 0 taken back after" in summary
    assert records_on(broker, "demo") == before


def test_another_districts_file_is_refused_until_a_person_says_that_it_is_true(
    broker: EmbeddedBroker, registry: Path, tmp_path: Path
) -> None:
    header, *lines = registry.read_text("cp949").splitlines()
    path = tmp_path / "hanbit.csv"
    path.write_text("\n".join([header, *(line for line in lines if "한빛구청" in line)]), "cp949")
    assert call("cameras", "load", str(path), "--district", "한빛구", broker=broker).exit_code == 0
    before = records_on(broker, "demo")

    refused = call("cameras", "load", str(path), "--district", "새벽구", broker=broker)
    assert refused.exit_code == 1
    assert "nothing was written: hanbit.csv: " in refused.stderr
    assert "lie outside 새벽구" in refused.stderr
    accepted = call("cameras", "load", str(path), "--district", "새벽구", "--accept-foreign", broker=broker)
    assert accepted.exit_code == 0
    assert records_on(broker, "demo") == before
    unknown = call("cameras", "load", str(path), "--district", "없는구", broker=broker)
    assert unknown.exit_code == 2
    assert "known: 새벽구, 한빛구" in unknown.output


HARBORVIEW = Path(__file__).parents[2] / "cities" / "harborview" / "example" / "cameras.csv"


@pytest.fixture
def abroad(broker: EmbeddedBroker, tmp_path: Path) -> Path:
    """Give the list of a city abroad, loaded."""
    path = tmp_path / "cameras.csv"
    path.write_text(HARBORVIEW.read_text("utf-8"), "utf-8")
    result = call("cameras", "load", str(path), "--accept-shrink", broker=broker, city="harborview")
    assert result.exit_code == 0, result.output
    return path


def loaded(path: Path, broker: EmbeddedBroker, *words: str) -> Any:
    result = call("cameras", "load", str(path), "--json", *words, broker=broker, city="harborview")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_list_of_a_city_abroad_is_loaded_by_the_form_of_its_folder(broker: EmbeddedBroker, abroad: Path) -> None:
    del abroad
    cameras = standing(broker, "harborview")
    assert len(cameras) == 28
    assert {camera.source for camera in cameras.values()} == {"camera_list"}
    assert cameras["HV-OH-03"].azimuth_deg == 135.0
    assert cameras["HV-HQ-01#3"].location.quality == "default"


def test_only_what_a_newer_list_changes_is_written_and_what_is_gone_is_taken_back(
    broker: EmbeddedBroker, abroad: Path
) -> None:
    lines = abroad.read_text("utf-8").splitlines()
    moved = [line.replace("-69.044471", "-69.044999") if line.startswith("HV-OH-02") else line for line in lines]
    turned = [line.replace(",SE,", ",NW,") if line.startswith("HV-OH-03") else line for line in moved]
    newer = [line for line in turned if not line.startswith("HV-NW-12")]
    newer.append(lines[1].replace("HV-OH-01", "HV-OH-77"))
    abroad.write_text("\n".join(newer) + "\n", "utf-8")
    before = records_on(broker, "harborview")

    dry = loaded(abroad, broker, "--dry-run")
    assert dry["changes"] == {"added": 1, "moved": 1, "changed": 1, "unchanged": 25, "gone": 1}
    assert (dry["published"], dry["removed"], records_on(broker, "harborview")) == (0, 0, before)

    told = loaded(abroad, broker)
    assert (told["published"], told["removed"]) == (3, 1)
    assert records_on(broker, "harborview") == before + 4
    cameras = standing(broker, "harborview")
    assert "HV-NW-12" not in cameras
    assert "HV-OH-77" in cameras
    assert cameras["HV-OH-03"].azimuth_deg == 315.0


def test_a_list_that_takes_back_too_much_is_refused_until_a_person_says_that_it_is_true(
    broker: EmbeddedBroker, abroad: Path
) -> None:
    lines = abroad.read_text("utf-8").splitlines()
    abroad.write_text("\n".join([lines[0], lines[1], *lines[13:15]]) + "\n", "utf-8")
    before = records_on(broker, "harborview")

    refused = call("cameras", "load", str(abroad), broker=broker, city="harborview")
    assert refused.exit_code == 1
    assert "nothing was written: 25 of 28 cameras are gone, more than 20 %" in refused.stderr
    assert records_on(broker, "harborview") == before
    assert call("cameras", "load", str(abroad), "--dry-run", broker=broker, city="harborview").exit_code == 1

    assert loaded(abroad, broker, "--accept-shrink")["removed"] == 25
    assert len(standing(broker, "harborview")) == 3


def test_a_form_or_the_standard_can_be_named(broker: EmbeddedBroker, abroad: Path) -> None:
    standard = call("cameras", "check", str(abroad), "--form", "national-standard", city="harborview")
    assert standard.exit_code == 2
    assert "no known variant" in standard.output
    named = call("cameras", "check", str(abroad), "--form", "cad_911.toml", city="harborview")
    assert named.exit_code == 2
    assert "cad_911.toml" in named.output


def test_a_dry_run_creates_no_topics(broker: EmbeddedBroker, registry: Path, tmp_path: Path) -> None:
    shutil.copytree(DEFAULT_CITIES_DIR / "demo", tmp_path / "elsewhere")
    toml = tmp_path / "elsewhere" / "city.toml"
    toml.write_text(re.sub(r'topic_prefix = ".*"', 'topic_prefix = "elsewhere"', toml.read_text("utf-8")), "utf-8")
    folder = ("--cities-dir", str(tmp_path))
    result = call(*folder, "cameras", "load", str(registry), "--dry-run", broker=broker, city="elsewhere")
    assert result.exit_code == 2
    assert "topic elsewhere.cameras is not there" in result.output


@pytest.mark.slow
@pytest.mark.skipif(not SEOUL.exists(), reason="needs Seoul's registry file beside the checkout")
def test_seouls_registry_loaded_a_second_time_writes_nothing() -> None:
    with EmbeddedBroker() as broker:
        first = json.loads(call("cameras", "load", str(SEOUL), "--json", broker=broker, city="seoul").stdout)
        before = records_on(broker, "seoul")
        second = json.loads(call("cameras", "load", str(SEOUL), "--json", broker=broker, city="seoul").stdout)
        assert records_on(broker, "seoul") == before == first["published"] == 84_013
    assert second["changes"] == {"added": 0, "moved": 0, "changed": 0, "unchanged": 84_013, "gone": 0}
    assert (second["published"], second["removed"]) == (0, 0)


def test_an_unknown_camera_is_a_finding(broker: EmbeddedBroker) -> None:
    call("topics", "create", broker=broker)
    result = call("cameras", "show", "no-such-camera", broker=broker)
    assert result.exit_code == 1
    assert "no camera 'no-such-camera' in demo.cameras" in result.output


@pytest.mark.skipif(not SEOUL.exists(), reason="needs Seoul's registry file beside the checkout")
def test_seouls_registry_is_checked_whole_and_its_pile_is_named() -> None:
    result = call("cameras", "check", str(SEOUL), city="seoul")
    assert result.exit_code == 0
    assert "83,734 rows: 83,734 accepted" in result.output
    assert "1,221 cameras at" in result.output
