"""Tests of a sink by what goes wrong in practice: lost answers, refusals, forgotten cases, drills, words of later."""

import asyncio
import contextlib
import dataclasses
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest

from connectors.kit.sink import Delivered
from schemas.record import Codes
from tests.support.connector_suite.card import proves
from tests.support.connector_suite.outside import HttpOutside
from tests.support.connector_suite.sink_rig import SECRET, STOP_WITHIN_S, SinkRig, delivered, log_of
from tests.support.connector_suite.sink_samples import SinkOutside

LATER_WORD = "word-of-a-later-day"
# Where a secret belongs: nobody else reads these headers.
SECRET_HEADERS = frozenset({"Authorization"})


class HostileOutsideTests(SinkRig):
    """What must hold of any sink whatever the outside and the records do."""

    @proves("idempotent")
    async def test_an_answer_that_is_lost_doubles_nothing(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            self.require_http(outside).lose_answers(1)
            job, _ = await self.run(outside, self.log(), self.all_done)
            assert job.counters.unavailable == 1
            self.require_all_taken(outside)

    @proves("idempotent")
    async def test_a_failure_in_the_middle_of_a_batch_loses_and_doubles_nothing(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            self.require_http(outside).fail(1, after=1)
            await self.run(outside, self.log(), self.all_done)
            self.require_all_taken(outside)

    @proves("nothing-lost")
    async def test_a_batch_says_what_its_records_say_one_by_one(self, tmp_path: Path) -> None:
        if not self.samples.writes_each:
            pytest.skip("of a batch it may tell only the newest")
        told = []
        for batches in ([self.batch()], [[one] for one in self.batch()]):
            async with self.outside(tmp_path) as outside:
                calls = self.require_http(outside)
                sink = self.sink(outside)
                for batch in batches:
                    await sink.write(batch)
                await sink.close()
                told.append(list(calls.bodies))
        assert told[0] == told[1], "a batch is in the order of the log, and so is what the outside is told"

    @proves("nothing-lost")
    async def test_the_neighbours_of_a_refused_record_are_taken(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            self.require_http(outside).fail(1, 422)
            await self.run(outside, self.log(), self.all_done)
            held, neighbours = len(outside.taken()), len(self.samples.records) - 1
            assert held >= neighbours or not self.samples.writes_each, (
                f"one record of {neighbours + 1} was refused, and {held} are there: a refusal ends no batch"
            )

    @proves("nothing-lost")
    async def test_a_refused_record_is_told_to_operators_and_not_shown(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with self.outside(tmp_path) as outside:
            calls = self.require_http(outside)
            await self.run(outside, self.log(), self.all_done)
            bodies = {body.decode("utf-8", "replace") for body in calls.bodies}
        async with self.outside(tmp_path) as outside:
            self.require_http(outside).fail(1, 422)
            caplog.clear()
            job, _ = await self.run(outside, self.log(), self.all_done)
        loud = [r for r in caplog.records if r.levelname in ("WARNING", "ERROR") and r.name.startswith("connectors.")]
        counted = getattr(job.sink, "findings", {}).get("refused", 0) or getattr(job.sink, "refused", 0)
        assert loud or counted, "nobody would learn that a record was refused: count it in findings and log a warning"
        assert not [body for body in bodies if body in caplog.text], "what was refused stands in the log as it was told"

    @proves("nothing-lost")
    @pytest.mark.parametrize("status", [401, 403])
    async def test_a_caller_who_is_refused_loses_nothing(self, status: int, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            calls = self.require_http(outside)
            calls.fail(1_000, status)
            log = self.log()
            job, _ = await self.run(outside, log, lambda job: job.counters.unavailable > 1 or job.counters.accepted > 0)
            assert job.counters.accepted == 0, (
                f"{status} says that the token is wrong, not the record: raise SinkUnavailableError until it is mended"
            )
            calls.mend()
            await self.run(outside, log, self.all_done)
            self.require_all_taken(outside)

    @proves("nothing-lost")
    async def test_tombstones_of_what_it_told_stop_nothing(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            sink = self.sink(outside)
            batch = self.batch()
            await sink.write(batch)
            before = list(outside.taken())
            gone = [Delivered(d.topic, 0, 100 + d.offset, d.key, None) for d in batch]
            await sink.write(gone)
            after = list(outside.taken())
            await sink.write(gone)
            await sink.close()
            assert list(outside.taken()) == after, "the same tombstone twice is told once"
            assert before != after or not self.samples.tells_forgotten, "a case that is forgotten stays open outside"

    @proves("nothing-lost")
    async def test_an_older_version_after_a_newer_one_says_nothing(self, tmp_path: Path) -> None:
        if not self.samples.passes_over_older:
            pytest.skip("its receiver passes older versions over")
        async with self.outside(tmp_path) as outside:
            older, newer = self.batch()[:2]
            sink = self.sink(outside)
            await sink.write([newer])
            once = list(outside.taken())
            await sink.write([older])
            await sink.close()
            assert list(outside.taken()) == once, "an older version was told as if it were news"

    @proves("nothing-lost")
    async def test_a_drill_is_marked_or_not_told(self, tmp_path: Path) -> None:
        real = [r for r in self.samples.records if getattr(r, "exercise", None) is False]
        if not real:
            pytest.skip("its records are of no case")
        drills = [dataclasses.replace(record, exercise=True) for record in real]
        told, told_of_drills = await self._told(real, tmp_path), await self._told(drills, tmp_path)
        assert told != told_of_drills, "a drill is told like a real case: mark it, or leave it out"

    async def _told(self, records: list[Any], folder: Path) -> list[Any]:
        async with self.outside(folder) as outside:
            calls = self.require_http(outside)
            await self.run(outside, log_of(records), lambda job: job.counters.accepted >= len(records))
            return list(calls.bodies)

    @proves("everything-has-a-limit")
    async def test_values_of_a_later_day_stop_nothing(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            for varied, record in variants_of(self.samples.records[0]):
                # Each time a new sink, which would else pass a record over that it knows by its version.
                sink = self.sink(outside)
                try:
                    await sink.write(delivered([record]))
                except Exception as error:
                    pytest.fail(f"a record whose {varied} is empty or unknown ends the sink: {error!r}")
                finally:
                    await sink.close()

    @proves("stops-cleanly")
    async def test_others_of_its_process_go_on_while_it_writes(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            sink = self.sink(outside)
            async with longest_pause() as pauses:
                await sink.write(self.batch())
                await sink.close()
            assert max(pauses) < STOP_WITHIN_S, (
                f"for {max(pauses):.1f} s nothing else of the process ran: await, or use asyncio.to_thread"
            )

    @proves("secrets-unseen")
    async def test_no_secret_is_in_what_the_outside_gets(self, tmp_path: Path) -> None:
        if not self.samples.secret_option:
            pytest.skip("this sink has no secret")
        async with self.outside(tmp_path) as outside:
            await self.run(outside, self.log(), self.all_done)
            assert SECRET not in shown_of(outside), "a secret stands where the outside keeps and shows what it was told"


def shown_of(outside: SinkOutside) -> str:
    """Return all that an outside was told but for the headers in which secrets belong."""
    if not isinstance(outside, HttpOutside):
        return repr(outside.taken())
    headers = [{k: v for k, v in each.items() if k not in SECRET_HEADERS} for each in outside.headers]
    return json.dumps([headers, outside.paths]) + b"".join(outside.bodies).decode("utf-8", "replace")


def variants_of(record: Any) -> Iterator[tuple[str, Any]]:
    """Yield the record with each coded word unknown, or each field that may be empty empty, by the field's name."""
    hints = get_type_hints(type(record), include_extras=True)
    for each in dataclasses.fields(record):
        hint = hints[each.name]
        coded = get_origin(hint) is Annotated and any(isinstance(extra, Codes) for extra in get_args(hint)[1:])
        old = getattr(record, each.name)
        if coded and isinstance(old, str | tuple):
            new: Any = LATER_WORD if isinstance(old, str) else (LATER_WORD,)
        elif each.default is None or isinstance(old, tuple | dict):
            new = None if each.default is None else type(old)()
        else:
            continue
        yield each.name, dataclasses.replace(record, **{each.name: new})


@contextlib.asynccontextmanager
async def longest_pause() -> AsyncIterator[list[float]]:
    """Give a list that holds, at the end, for how long each time nothing else could run, seconds."""
    pauses = [0.0]

    async def watch() -> None:
        before_s = time.monotonic()
        while True:
            await asyncio.sleep(0.02)
            now_s = time.monotonic()
            pauses.append(now_s - before_s)
            before_s = now_s

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    try:
        yield pauses
        await asyncio.sleep(0.03)
    finally:
        watching.cancel()
