"""A fault in a connector's own code is told by its place, before it runs and without the data that it happened to."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner

from connectors.kit.arrival import Arrival
from connectors.kit.errors import ConnectorCodeError
from connectors.kit.ladder.checking import check_connector, folder_of
from connectors.kit.ladder.odd_shapes import odd_payloads
from connectors.kit.ladder.sampling import example_context
from connectors.kit.payloads import PayloadSource
from connectors.kit.source import Entry
from connectors.kit.transports.http_poll import PollConfig
from connectors.tracker_push.source import TrackerPushSource
from console.commands import goldentime
from schemas.topics import INCIDENTS
from tests.support.connector_suite.happenings import PERSON_NAME


def reads_names(self: PayloadSource, payload: bytes, arrival: Arrival) -> Iterable[Entry]:
    del self, arrival
    item = json.loads(payload)
    # What a beginner writes: it breaks where the field is no number, and the message of Python shows the field.
    int(item["name"])
    return ()


class NameSource(PayloadSource):
    """A source that is wrong."""

    read = reads_names


def test_a_fault_of_the_code_is_told_by_its_place_and_never_by_what_it_happened_to() -> None:
    source = NameSource(PollConfig.from_options({"url": "http://x.example"}), example_context(), topic=INCIDENTS)

    with pytest.raises(ConnectorCodeError) as raised:
        source.answers(json.dumps({"name": PERSON_NAME}).encode(), Arrival(1))

    assert "test_code_faults.py, line" in str(raised.value)
    assert "ValueError" in str(raised.value)
    assert PERSON_NAME not in str(raised.value)


def test_odd_payloads_change_one_field_each_to_a_shape_that_it_has_not() -> None:
    told = dict(odd_payloads(b'{"alarms": [{"at": ["37.5", "127"]}]}'))

    assert told["alarms as a number"] == b'{"alarms": 7}'
    assert told["alarms[0].at as a list of three"] == b'{"alarms": [{"at": [1, 2, 3]}]}'
    assert told["alarms[0].at[1] as an object"] == b'{"alarms": [{"at": ["37.5", {"a": 1}]}]}'
    assert list(odd_payloads(b"a,b\n1,2\n")) == list(odd_payloads(b"17")) == []


def test_check_finds_code_that_breaks_on_a_field_of_another_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = TrackerPushSource.read

    def read(self: TrackerPushSource, payload: bytes, arrival: Arrival) -> Iterable[Entry]:
        item = json.loads(payload)
        if isinstance(item, dict):
            str(item.get("time")).removesuffix("Z") + item.get("tracker", "")
        return usual(self, payload, arrival)

    monkeypatch.setattr(TrackerPushSource, "read", read)

    problems = check_connector(folder_of("tracker_push"))

    assert {problem.step for problem in problems} == {"shapes"}
    assert "tracker as a number: the code breaks" in problems[0].message
    assert "TypeError" in problems[0].message


def test_validate_tells_a_fault_of_the_code_in_a_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sample = tmp_path / "sample.json"
    sample.write_text(json.dumps({"name": PERSON_NAME}), "utf-8")
    monkeypatch.setattr(TrackerPushSource, "read", reads_names)

    ran = CliRunner().invoke(goldentime, ["connect", "validate", "tracker_push", "--file", str(sample)])

    assert ran.exit_code == 2
    assert "the code breaks in" in ran.output
    assert PERSON_NAME not in ran.output
