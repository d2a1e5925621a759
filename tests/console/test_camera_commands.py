import json
from pathlib import Path

import pytest

from console.demo.city import synthetic_city
from console.embedded_broker import EmbeddedBroker
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


def test_loading_puts_every_camera_on_the_topic_and_refused_rows_into_dead_letters(
    broker: EmbeddedBroker, registry: Path
) -> None:
    result = call("cameras", "load", str(registry), "--json", broker=broker)
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    options = {"bootstrap_servers": [broker.bootstrap_servers]}
    with open_topic(options, CAMERAS, "demo.cameras") as reader:
        cameras = newest_by_key(reader.to_end())
    assert len(cameras) == told["published"] == told["report"]["cameras"]
    with open_topic(options, BY_NAME["cameras-dlq"], "demo.cameras-dlq") as reader:
        letters = [read.record for read in reader.to_end()]
    assert len(letters) == told["report"]["refused_rows"]
    assert {letter.reason for letter in letters} == {"no-position", "impossible-position"}

    camera_id = next(iter(cameras))
    shown = json.loads(call("cameras", "show", camera_id, "--json", broker=broker).output)
    assert shown["camera"]["camera_id"] == camera_id
    assert shown["health"] is None
    assert camera_id in call("cameras", "show", camera_id, broker=broker).output


def test_loading_for_people_ends_with_a_summary(broker: EmbeddedBroker, registry: Path) -> None:
    result = call("cameras", "load", str(registry), broker=broker)
    assert result.exit_code == 0
    assert "Accepted, but:" in result.stdout
    assert "are in demo.cameras after" in result.stdout.splitlines()[-1]


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
