"""The suite of sinks against sinks with one fault each: every fault is noticed by the test that is named for it."""

import json
import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.kit.errors import SinkUnavailableError
from connectors.kit.sink import Delivered
from connectors.kit.transports.http_calls import CallsConfig, HttpCalls
from schemas.camera_assignment import CameraAssignment
from schemas.topics import CAMERA_ASSIGNMENTS
from tests.console.assignments import an_assignment
from tests.support.connector_suite import HttpOutside, SinkSamples
from tests.support.connector_suite.sink_rig import SECRET
from tests.support.connector_suite.sink_samples import SinkOutside
from tests.support.connector_suite.sinks import SinkTests

BLOCKED_S = 0.3
# Under the name of a connector, as a refused record is looked for in the log of connectors.
logger = logging.getLogger("connectors.faulty")


class Suite(SinkTests):
    """The tests of a sink, for a sink that is none of the connectors."""

    name = "cap_out"  # whose quality card says that all of it is done

    def __init__(self, fault: str, records: Sequence[CameraAssignment]) -> None:
        self.fault = fault
        self.samples = SinkSamples(  # type: ignore[misc]
            outside=HttpOutside,
            records=records,
            secret_option="token_file",
            tells_forgotten=True,
            passes_over_older=True,
        )

    def sink(self, outside: SinkOutside) -> "FaultySink":
        """Return the sink with the fault."""
        return FaultySink(self.fault, CallsConfig.from_options(outside.options))


class FaultySink:
    """Calls a web hook once per newer version, and does one thing wrong; none if the fault is empty."""

    topics = (CAMERA_ASSIGNMENTS,)

    def __init__(self, fault: str, config: CallsConfig) -> None:
        self.findings: Counter[str] = Counter()
        self._fault = fault
        self._calls = HttpCalls(config)
        self._told: dict[bytes, int] = {}

    async def write(self, batch: Sequence[Delivered]) -> None:
        """Tell the records of a batch."""
        if self._fault == "blocks":
            time.sleep(BLOCKED_S)
        for delivered in reversed(batch) if self._fault == "backwards" else batch:
            if self._fault == "gives-up" and self.findings["refused"]:
                return
            await self._tell(delivered)

    async def close(self) -> None:
        """Free the connections."""
        await self._calls.close()

    async def _tell(self, delivered: Delivered) -> None:
        key, record = delivered.key or b"", delivered.record
        if record is None:
            if self._told.pop(key, None) is not None and self._fault != "ignores-tombstones":
                await self._send({"over": key.decode()}, f"over/{key.decode()}")
            return
        if record.version <= self._told.get(key, 0) and self._fault not in ("tells-older", "backwards"):
            return
        if self._fault == "knows-all-words" and record.where is None:
            raise SinkUnavailableError("no place")
        if self._fault == "remembers-too-early":
            self._told[key] = record.version
        said = {"case": record.case_id, "version": record.version, "exercise": record.exercise}
        if self._fault == "hides-drills":
            del said["exercise"]
        if self._fault == "shows-secret":
            said["secret"] = SECRET
        await self._send(said, f"{time.monotonic_ns()}" if self._fault == "new-keys" else record.event_id)
        self._told[key] = record.version

    async def _send(self, said: dict[str, Any], key: str) -> None:
        try:
            answer = await self._calls.send(json.dumps(said).encode(), idempotency_key=key)
        except SinkUnavailableError:
            if self._fault == "passes-over":
                return
            raise
        if answer.refused and self._fault != "silent":
            self.findings["refused"] += 1
            logger.warning("refused: %s", json.dumps(said) if self._fault == "logs-bodies" else answer.status)


def records() -> list[CameraAssignment]:
    """Return two versions of a case, and a case next to it."""
    two = [an_assignment(version=version, event_id=f"a/{version}", case_id="a") for version in (1, 2)]
    return [*two, replace(two[0], case_id="b", event_id="b/1")]


FAULTS = {
    "new-keys": "test_an_answer_that_is_lost_doubles_nothing",
    "remembers-too-early": "test_a_failure_in_the_middle_of_a_batch_loses_and_doubles_nothing",
    "backwards": "test_a_batch_says_what_its_records_say_one_by_one",
    "gives-up": "test_the_neighbours_of_a_refused_record_are_taken",
    "ignores-tombstones": "test_tombstones_of_what_it_told_stop_nothing",
    "tells-older": "test_an_older_version_after_a_newer_one_says_nothing",
    "hides-drills": "test_a_drill_is_marked_or_not_told",
    "knows-all-words": "test_values_of_a_later_day_stop_nothing",
    "blocks": "test_others_of_its_process_go_on_while_it_writes",
    "shows-secret": "test_no_secret_is_in_what_the_outside_gets",
}


def parameters(test: str, folder: Path, caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    """Return what a test of the suite takes."""
    given: dict[str, Any] = {"tmp_path": folder}
    if test.endswith("not_shown"):
        given["caplog"] = caplog
    if test.startswith("test_a_caller"):
        given["status"] = 401
    return given


LOUD = "test_a_refused_record_is_told_to_operators_and_not_shown"
CALLER = "test_a_caller_who_is_refused_loses_nothing"
ALL = [*FAULTS.items(), ("silent", LOUD), ("logs-bodies", LOUD), ("passes-over", CALLER)]


@pytest.mark.parametrize(("fault", "test"), ALL)
async def test_a_fault_is_noticed(
    fault: str, test: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.support.connector_suite.sink_rig.LIMIT_S", 0.5)
    monkeypatch.setattr("tests.support.connector_suite.sink_hostility.STOP_WITHIN_S", BLOCKED_S / 2)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        await getattr(Suite(fault, records()), test)(**parameters(test, tmp_path, caplog))


@pytest.mark.parametrize("test", sorted({test for _, test in ALL}))
async def test_a_sink_without_a_fault_passes(test: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    await getattr(Suite("", records()), test)(**parameters(test, tmp_path, caplog))
