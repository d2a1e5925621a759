"""``goldentime connect`` of sinks: tried on what stands on the topics, run by their kind, told apart from sources."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from console.commands import goldentime
from console.embedded_broker import EmbeddedBroker
from schemas.camera_assignment import CameraAssignment
from schemas.topics import CAMERA_ASSIGNMENTS
from tests.console.assignments import an_assignment
from tests.console.topics import create, new_name, write_records

CITIES = Path(__file__).parents[2] / "cities"
URL = 'options = { url = "http://127.0.0.1:1/", token_env = "UNSET_TOKEN" }'
IN_2100_US = 4_102_444_800_000_000


def a_city(folder: Path, lines: Sequence[str] = ()) -> tuple[Path, str]:
    """Return the folder of cities with one that is like demo, and its topic prefix."""
    prefix, city = new_name("sinks"), folder / "trial"
    city.mkdir()
    for file in (CITIES / "demo").iterdir():
        if file.name not in ("connectors.toml", "city.toml"):
            (city / file.name).symlink_to(file)
    text = (CITIES / "demo" / "city.toml").read_text("utf-8").replace('name = "demo"', 'name = "trial"')
    (city / "city.toml").write_text(text.replace('prefix = "demo"', f'prefix = "{prefix}"'), "utf-8")
    (city / "connectors.toml").write_text("\n".join(["[[connector]]", *lines]) if lines else "", "utf-8")
    return folder, prefix


def connect(cities: Path, *words: str, broker: str = "127.0.0.1:1") -> Result:
    return CliRunner().invoke(
        goldentime, ["--broker", broker, "--cities-dir", str(cities), "--city", "trial", "connect", *words]
    )


def shown(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def put(broker: EmbeddedBroker, prefix: str, records: Sequence[CameraAssignment]) -> None:
    topic = f"{prefix}.{CAMERA_ASSIGNMENTS.name}"
    create(broker.bootstrap_servers, topic)
    write_records(broker.bootstrap_servers, topic, CAMERA_ASSIGNMENTS, records)


def test_a_dry_run_of_a_sink_shows_what_it_would_tell_of_the_newest_records_and_calls_nobody(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    cities, prefix = a_city(tmp_path, ['name = "wall"', 'kind = "vms_webhook"', 'role = "sink"', URL])
    put(broker, prefix, [an_assignment(f"case-{n}", valid_until_us=IN_2100_US if n % 2 else 1) for n in range(5)])

    result = connect(cities, "dry-run", "wall", "-n", "2", broker=broker.bootstrap_servers)

    told = shown(result)
    assert [(one["topic"], one["key"]) for one in told] == [(CAMERA_ASSIGNMENTS.name, f"case-{n}") for n in (3, 4)]
    assert [one["output"] is None for one in told] == [False, True]  # the lease of the last is over
    assert "1 of 2 records would be told; nothing was written outside" in result.stderr


def test_a_dry_run_by_kind_shows_that_an_old_case_would_not_be_told(broker: EmbeddedBroker, tmp_path: Path) -> None:
    cities, prefix = a_city(tmp_path)
    put(broker, prefix, [an_assignment("case-1", valid_until_us=1), an_assignment("case-2", valid_until_us=IN_2100_US)])
    options = ("-o", "url=http://127.0.0.1:1/", "-o", "sender=a@city.example", "-o", "services=police,dementia,child")

    result = connect(cities, "dry-run", "cap_out", *options, broker=broker.bootstrap_servers)

    assert [one["output"] and one["output"]["msgType"] for one in shown(result)] == [None, "Alert"]


def test_a_dry_run_of_a_sink_that_shows_nothing_says_so(tmp_path: Path) -> None:
    lines = ['name = "copy"', 'kind = "file_replay"', 'role = "sink"']
    cities, _ = a_city(tmp_path, [*lines, 'options = { path = "x.jsonl", topics = ["incidents"] }'])

    result = connect(cities, "dry-run", "copy")

    assert result.exit_code == 2
    assert "file_replay has no render(), which a dry run shows" in result.output


@pytest.mark.parametrize("command", ["dry-run", "run"])
def test_where_the_role_was_forgotten_it_is_said_what_to_write(command: str, tmp_path: Path) -> None:
    cities, _ = a_city(tmp_path, ['name = "wall"', 'kind = "vms_webhook"', URL])

    result = connect(cities, command, "wall")

    assert result.exit_code == 2
    assert 'vms_webhook has no source; it is a sink: write role = "sink" in its [[connector]]' in result.output


@pytest.mark.parametrize("role", [('role = "sink"',), ()])
@pytest.mark.parametrize("how", [("--live",), ("--file", __file__)])
def test_validate_of_a_sink_says_what_to_do_instead(
    how: tuple[str, ...], role: tuple[str, ...], tmp_path: Path
) -> None:
    cities, _ = a_city(tmp_path, ['name = "wall"', 'kind = "vms_webhook"', *role, URL])

    result = connect(cities, "validate", "wall", *how)

    assert result.exit_code == 2
    assert "goldentime connect dry-run wall" in " ".join(result.output.split())
    assert "connect check vms_webhook" in " ".join(result.output.split())


def test_a_kind_that_is_a_sink_alone_is_run_as_one(tmp_path: Path) -> None:
    cities, _ = a_city(tmp_path)

    result = connect(cities, "run", "--kind", "vms_webhook", "-o", "url=http://127.0.0.1:1/", "-o", "token_env=X")

    # It went past the sink's options to the broker, which is not there.
    assert "no broker answers at 127.0.0.1:1" in result.output
    unknown = connect(cities, "run", "--kind", "vms_webhok")
    assert "there is no connector 'vms_webhok'; there are " in unknown.output
