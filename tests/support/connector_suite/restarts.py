"""What must hold of a source that remembers cases between payloads: a restart between two of them is not noticed."""

import json
from dataclasses import replace
from typing import Any

import pytest

from connectors.kit.ladder.sampling import sample_options
from connectors.kit.manifest import build
from connectors.kit.payloads import PayloadSource
from schemas.topics import CONNECTOR_CURSORS
from tests.connectors.local_context import a_context
from tests.support.connector_suite.card import proves
from tests.support.connector_suite.happenings import MINUTE_US, PERSON_ID, Happening
from tests.support.connector_suite.reading import PERSON_WORDS, ReadingTests
from tests.support.restarts import Lives, tellings

FIRST, OTHER = Happening(), Happening(number="18", person_id="person-7732-kim", time_us=Happening().time_us + 1)
STORY = (
    FIRST,
    OTHER,
    replace(FIRST, revision=2, time_us=FIRST.time_us + MINUTE_US),
    replace(OTHER, lat=None, lon=None, revision=2, time_us=OTHER.time_us + MINUTE_US),
    replace(FIRST, closed=True, revision=3, time_us=FIRST.time_us + 2 * MINUTE_US),
    replace(OTHER, exercise=True, revision=3, time_us=OTHER.time_us + 2 * MINUTE_US),
    replace(FIRST, revision=2, time_us=FIRST.time_us + MINUTE_US),
)


class RestartTests(ReadingTests):
    """What must hold of any source between payloads."""

    def remembering(self) -> tuple[dict[str, Any], list[bytes]]:
        """Return the options and the payloads of a story; skip where nothing is remembered between payloads."""
        samples, manifest = self.samples, self.manifest
        options = sample_options(manifest, samples.options)
        if "path" in manifest.options and options.get("transport") not in manifest.transports:
            pytest.skip("it reads its files again")
        source = build(self.name, options, a_context())
        if not isinstance(source, PayloadSource) or not source.remembers:
            pytest.skip("it remembers no cases between payloads")
        story = [samples.together([happening]) for happening in STORY]
        return options, [*story[:2], *samples.hostile, *story[2:]]

    @proves("resumes-from-cursor")
    async def test_a_restart_between_two_payloads_changes_nothing_that_is_told(self) -> None:
        options, payloads = self.remembering()

        whole, restarted = await tellings(self.name, options, payloads, self.samples.origin)

        assert whole
        for cut, told in restarted.items():
            assert told == whole, f"restarted after {cut} of {len(payloads)} payloads"

    @proves("person-data-dropped")
    async def test_what_it_remembers_names_no_person(self) -> None:
        options, payloads = self.remembering()
        lives = Lives(self.name, options, self.samples.origin)

        await lives.told(payloads)

        records = [stored.record for stored in lives.log.of(CONNECTOR_CURSORS.name) if stored.value is not None]
        kept = "".join(f"{r.connector} {json.dumps(json.loads(r.cursor), ensure_ascii=False)}" for r in records)
        if not kept:
            pytest.skip("nothing of the suite's story is remembered")
        assert not [word for word in (*PERSON_WORDS, PERSON_ID) if word in kept]
