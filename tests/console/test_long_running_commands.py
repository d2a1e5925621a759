import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from console.embedded_broker import EmbeddedBroker
from console.topic_reader import open_topic
from schemas.incident import Incident
from schemas.topics import BY_NAME, INCIDENTS, TOPICS
from tests.console.commands import call
from tests.console.processes import marked_environment, on_linux, wait_until_gone
from topologies.city_files import load_city
from topologies.projection_files import load_access

CITIES = Path(__file__).parents[2] / "cities"
LINE = {
    "topic": "incidents",
    "record": {
        "event_id": "test:1",
        "source": "test",
        "observed_us": 1_781_672_400_000_000,
        "case_id": "test:1",
        "incident_id": "test:1",
        "status": "reported",
        "service": "police",
        "kind": "robbery",
        "occurred_us": 1_781_672_400_000_000,
    },
}


def _incidents(broker: EmbeddedBroker, name: str = INCIDENTS.name) -> list[object]:
    with open_topic({"bootstrap_servers": [broker.bootstrap_servers]}, BY_NAME[name], f"demo.{name}") as reader:
        return [read.record for read in reader.to_end()]


def test_a_connector_by_hand_publishes_its_entries_and_answers_the_bad_ones(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(json.dumps(LINE) + "\n{broken\n")
    with EmbeddedBroker() as broker:
        result = call("connect", "run", "--kind", "file_replay", "-o", f"path={path}", "--json", broker=broker)
        assert result.exit_code == 1  # an entry was refused
        assert json.loads(result.stdout) == [{"name": "file-replay-by-hand", "accepted": 1, "refused": 1}]
        (incident,) = _incidents(broker)
        (letter,) = _incidents(broker, "incidents-dlq")
        assert isinstance(incident, Incident)
        assert incident.case_id == "test:1"
        assert letter.reason == "broken-json"

        path.write_text(json.dumps(LINE) + "\n{broken\n" + json.dumps(LINE | {}) + "\n")
        again = call("connect", "run", "--kind", "file_replay", "-o", f"path={path}", broker=broker)
        assert again.exit_code == 0  # it goes on where the last run ended, after the broken line
        assert "1 accepted, 0 refused" in again.stdout


def test_connectors_that_come_first_make_the_topics_as_the_contract_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(json.dumps(LINE) + "\n")
    with EmbeddedBroker() as broker:
        result = call("connect", "run", "--kind", "file_replay", "-o", f"path={path}", broker=broker)
        assert result.exit_code == 0
        rows = json.loads(call("topics", "list", "--json", broker=broker).output)
        city = load_city(CITIES, "demo")
        projections = load_access(city.folder, city.policy).topics()
        assert {row["topic"]: row["partitions"] for row in rows} == {
            f"demo.{topic.name}": topic.partitions(4) for topic in (*TOPICS, *projections)
        }

        monkeypatch.setenv("GOLDENTIME_CASE_PARTITIONS", "8")
        refused = call("connect", "run", "--kind", "file_replay", "-o", f"path={path}", broker=broker)
        assert refused.exit_code == 2
        assert "demo.incidents has 4 partitions, must have 8" in refused.output


@pytest.mark.skipif(not on_linux, reason="looks for left-over processes in /proc")
def test_a_system_that_does_not_answer_is_told_once_in_plain_words(tmp_path: Path) -> None:
    mark, environment = marked_environment()
    with EmbeddedBroker() as broker:
        options = ["--broker", broker.bootstrap_servers, "--city", "demo", "connect", "run"]
        source = ["--kind", "file_replay", "-o", f"path={tmp_path / 'none.jsonl'}"]
        arguments = [sys.executable, "-m", "console.cli", *options, *source]
        with subprocess.Popen(
            arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            assert "running" in process.stderr.readline()
            assert process.stderr.readline().strip() == (
                "file-replay-by-hand: none.jsonl cannot be read: No such file or directory; "
                "trying again until it answers"
            )
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=10)
            assert (process.returncode, errors) == (0, "")
    assert wait_until_gone(mark) == []


def test_an_option_that_is_wrong_is_named() -> None:
    result = call("connect", "run", "--kind", "file_replay", "-o", "path=x", "-o", "sped=2")
    assert result.exit_code == 2
    assert "sped" in result.output
    unknown = call("connect", "run", "--kind", "no_such_system", "-o", "path=x")
    assert unknown.exit_code == 2
    assert "no_such_system" in unknown.output


@pytest.mark.skipif(not on_linux, reason="looks for left-over processes in /proc")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_broker_in_the_foreground_says_that_its_log_ends_with_it_and_stops_at_a_signal(
    number: signal.Signals, code: int
) -> None:
    mark, environment = marked_environment()
    arguments = [sys.executable, "-m", "console.cli", "broker", "--port", "0"]
    with subprocess.Popen(
        arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "its log ends with this process" in process.stdout.readline()
        process.send_signal(number)
        _, errors = process.communicate(timeout=10)
        assert (process.returncode, errors.strip()) == (code, "")
    assert wait_until_gone(mark) == []


@pytest.mark.skipif(not on_linux, reason="looks for left-over processes in /proc")
def test_connectors_stop_within_seconds_at_ctrl_c(tmp_path: Path) -> None:
    (tmp_path / "drop").mkdir()
    mark, environment = marked_environment()
    with EmbeddedBroker() as broker:
        call("topics", "create", broker=broker)
        options = ["--broker", broker.bootstrap_servers, "--city", "demo", "connect", "run"]
        source = ["--kind", "police_112", "-o", f"path={tmp_path / 'drop'}"]
        arguments = [sys.executable, "-m", "console.cli", *options, *source]
        with subprocess.Popen(
            arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            assert "running police-112-by-hand" in process.stderr.readline()
            started_s = time.monotonic()
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=10)
            assert process.returncode == 0
            assert "0 accepted, 0 refused" in output
            assert time.monotonic() - started_s < 5
    assert wait_until_gone(mark) == []
