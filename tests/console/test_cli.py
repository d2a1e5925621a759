import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from console.commands import COMMANDS, goldentime
from console.embedded_broker import EmbeddedBroker
from schemas.topics import TOPICS
from tests.console.commands import call
from tests.support.policies import CITIES
from tests.support.schema_registry import running_registry
from topologies.city_files import load_city
from topologies.projection_files import load_access


def _all_commands() -> list[tuple[str, ...]]:
    context = click.Context(goldentime)
    paths: list[tuple[str, ...]] = []
    for name in COMMANDS:
        command = goldentime.get_command(context, name)
        assert command is not None
        paths.append((name,))
        if isinstance(command, click.Group):
            paths += [(name, sub) for sub in command.commands]
    return paths


@pytest.mark.parametrize("path", _all_commands(), ids=" ".join)
def test_every_command_has_help_with_an_example(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(goldentime, [*path, "--help"])
    assert result.exit_code == 0
    assert "Example: goldentime" in result.output


def test_the_help_names_every_command_in_a_newcomers_order() -> None:
    lines = CliRunner().invoke(goldentime, ["--help"]).output.splitlines()
    listed = [line.split()[0] for line in lines[lines.index("Commands:") + 1 :] if line.startswith("  ")]
    assert listed[: len(COMMANDS)] == list(COMMANDS)


def test_examples_in_the_help_are_commands_that_exist() -> None:
    for path in _all_commands():
        text = CliRunner().invoke(goldentime, [*path, "--help"]).output
        example = text[text.index("Example: goldentime") :].split("|")[0].split()[2:]
        while example[0].startswith("--"):
            example = example[2:]
        assert tuple(example[: len(path)]) == path or path[0] == example[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["explain"],
        ["watch", "--json"],
        ["cameras", "check", "no-such-file.csv"],
        ["connect", "run", "no-such-connector"],
        ["connect", "run", "-o", "path=x"],
        ["connect", "run", "--kind", "file_replay", "-o", "no-equals-sign"],
        ["demo", "--speed", "0"],
        ["broker", "--port", "70000"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    result = call(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["topics", "list"],
        ["topics", "create"],
        ["watch", "--once"],
        ["explain", "case"],
        ["cameras", "show", "x"],
        ["cameras", "load", str(Path(__file__))],
        ["connect", "run", "demo-112"],
        ["worker"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_a_broker_that_does_not_answer_is_told_in_one_line(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.commands.worker.BROKER_WAIT_S", 0.0)
    result = call(*arguments)
    assert result.exit_code == 2
    (line,) = result.output.splitlines()
    assert "no broker answers at 127.0.0.1:1" in line


def test_an_unknown_city_is_told_with_those_there_are() -> None:
    result = call("topics", "list", city="nowhere")
    assert result.exit_code == 2
    assert "no city 'nowhere'" in result.output
    assert "demo" in result.output


def test_a_broken_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLDENTIME_CASE_PARTITIONS", "many")
    result = call("topics", "list")
    assert result.exit_code == 2
    assert "GOLDENTIME_CASE_PARTITIONS" in result.output


def test_the_environment_gives_broker_and_city(monkeypatch: pytest.MonkeyPatch, broker: EmbeddedBroker) -> None:
    monkeypatch.setenv("GOLDENTIME_BOOTSTRAP_SERVERS", broker.bootstrap_servers)
    monkeypatch.setenv("GOLDENTIME_CITY", "seoul")
    result = CliRunner().invoke(goldentime, ["topics", "list", "--json"])
    assert all(row["topic"].startswith("seoul.") for row in json.loads(result.output))


def test_topics_are_missing_then_created_then_all_there() -> None:
    with EmbeddedBroker() as broker:
        assert call("topics", "list", broker=broker).exit_code == 1
        created = json.loads(call("topics", "create", "--json", broker=broker).output)
        city = load_city(CITIES, "demo")
        agencies = load_access(city.folder, city.policy).topics()
        assert len(created["created"]) == len(TOPICS) + len(agencies)
        again = json.loads(call("topics", "create", "--json", broker=broker).output)
        assert again == {"created": [], "existing": created["created"]}
        result = call("topics", "list", "--json", broker=broker)
        assert result.exit_code == 0
        rows = {row["topic"]: row for row in json.loads(result.output)}
        assert rows["demo.incidents"]["partitions"] == 4
        assert rows["demo.cameras"]["partitions"] == 1
        assert "demo.incidents" in call("topics", "list", broker=broker).output


def test_creating_topics_registers_their_schemas_where_a_registry_is_set(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_registry() as registry:
        monkeypatch.setenv("GOLDENTIME_SCHEMA_REGISTRY_URL", registry.url)
        first = json.loads(call("topics", "create", "--json", broker=broker).output)
        assert first["schemas"]["registered"] > len(TOPICS)
        assert {name.removesuffix("-value") for name in registry.subjects} >= {*first["created"], *first["existing"]}
        assert "0 schemas registered" in call("topics", "create", broker=broker).output


def test_listing_topics_creates_none() -> None:
    with EmbeddedBroker() as broker:
        for _ in range(2):
            assert call("topics", "list", broker=broker).exit_code == 1


def test_connectors_of_a_city_are_listed_for_people_and_programs() -> None:
    result = json.loads(call("connect", "list", "--json").output)
    assert {"police_112", "fire_119", "file_replay", "cctv_registry", "owntracks"} <= {
        k["kind"] for k in result["kinds"]
    }
    assert [instance["kind"] for instance in result["instances"]] == ["police_112", "fire_119", "file_replay"]
    assert "demo-112" in call("connect", "list").output


def test_the_options_of_a_kind_are_listed_with_what_they_do_and_those_of_its_transports() -> None:
    shown = call("connect", "list", "child_protection").output

    assert "token_header" in shown
    assert "accuracy_m" in shown
    assert "Header that carries the secret" in " ".join(shown.split())
    assert "did you mean child_protection?" in str(call("connect", "list", "child_protektion").output)


def test_help_is_quick_because_no_broker_client_is_loaded() -> None:
    program = (
        "import sys; from console.commands import goldentime; print('kafka' in sys.modules, 'faust' in sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert loaded.stdout.split() == ["False", "False"]
