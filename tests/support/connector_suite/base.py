"""From a happening to what a source makes of it: what all tests of the suite use."""

import re
from dataclasses import replace
from functools import cache
from typing import Any, ClassVar

import pytest

from connectors.kit.examples import EXAMPLE_NOW_US
from connectors.kit.ladder.checking import folder_of
from connectors.kit.ladder.sampling import entries_of_sample, reading_of_sample
from connectors.kit.manifest import Manifest, read_manifest
from connectors.kit.source import Accepted, Entry
from schemas.codec import decode, encode
from tests.connectors.local_context import a_context
from tests.support.connector_suite.happenings import Happening, Samples

UNUSABLE = ("none", "default")
KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@cache
def _manifest_of(name: str) -> Manifest:
    return read_manifest(folder_of(name))


class Reading:
    """Bytes in, entries out."""

    name: ClassVar[str]
    samples: ClassVar[Samples]

    @property
    def manifest(self) -> Manifest:
        return _manifest_of(self.name)

    def answer(self, payload: bytes, *, now_us: int = EXAMPLE_NOW_US) -> list[Entry]:
        """Return the entries of a payload; each fits the contract."""
        samples = self.samples
        entries = entries_of_sample(
            self.manifest, samples.options, payload, a_context(now_us=now_us), origin=samples.origin
        )
        for entry in entries:
            if isinstance(entry, Accepted):
                assert entry.record is None or decode(entry.topic.record, encode(entry.record)) == entry.record
            else:
                assert KEBAB.fullmatch(entry.reason), entry.reason
                assert entry.message
        return entries

    def findings(self, happening: Happening) -> set[str]:
        """Return what the source notices in a happening."""
        samples, manifest = self.samples, self.manifest
        payload = samples.write(happening)
        return set(reading_of_sample(manifest, samples.options, payload, a_context(), origin=samples.origin).findings)

    def records(self, happening: Happening, **options: Any) -> list[Any]:
        entries = self.answer(self.samples.write(happening), **options)
        return [entry.record for entry in entries if isinstance(entry, Accepted) and entry.record is not None]

    def record(self, happening: Happening, **options: Any) -> Any:
        """Return the first record of a happening that must make one."""
        records = self.records(happening, **options)
        assert records, self.answer(self.samples.write(happening), **options)
        return records[0]

    def changed(self, **changes: Any) -> Happening:
        """Return a happening with changes; skip where the format has no place for them."""
        happening = replace(Happening(), **changes)
        if self.samples.write(happening) == self.samples.write(Happening()):
            pytest.skip(f"the format has no place for {', '.join(changes)}")
        return happening

    def places(self, happening: Happening) -> list[Any]:
        """Return the usable locations of what a happening becomes; skip where records have none."""
        if not hasattr(self.record(Happening()), "location"):
            pytest.skip("these records have no place")
        found = [record.location for record in self.records(happening)]
        return [place for place in found if place is not None and place.quality not in UNUSABLE]
