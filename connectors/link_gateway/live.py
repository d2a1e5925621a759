"""The newest version of each case, as far as the gateway must know it."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import aclosing

from connectors.kit.pictures import Pictures
from connectors.kit.sink import Delivered
from connectors.link_gateway.parse import Live, live_of
from schemas.topics import CAMERA_ASSIGNMENTS

# Far beyond the open cases of any city; the one that was heard of longest ago is forgotten first.
CASES_MAX = 50_000


class LiveCases:
    """Follows ``camera-assignments``.

    Attributes:
        is_ready: set once everything that stood on the topic is known.
    """

    def __init__(self) -> None:
        self.is_ready = asyncio.Event()
        self._cases: OrderedDict[str, Live] = OrderedDict()

    def of(self, case_id: str) -> Live | None:
        """Return what is known of a case; None for nothing."""
        return self._cases.get(case_id)

    async def follow(self, pictures: Pictures) -> None:
        """Read the topic and go on reading, for ever.

        Raises:
            SourceUnavailableError: the broker does not answer.
        """
        self.is_ready.clear()
        try:
            async with aclosing(pictures.batches(CAMERA_ASSIGNMENTS, follow=True)) as batches:
                async for batch in batches:
                    self.take(batch)
                    if not batch:
                        self.is_ready.set()
        finally:
            self.is_ready.clear()

    def take(self, batch: Sequence[Delivered]) -> None:
        """Take note of versions; an older one than is known changes nothing."""
        for delivered in batch:
            case_id = (delivered.key or b"").decode("utf-8", "replace")
            if delivered.record is None:
                self._cases.pop(case_id, None)
                continue
            live, known = live_of(delivered.record), self._cases.get(case_id)
            if known is None or (known.opened_us, known.version) < (live.opened_us, live.version):
                self._cases[case_id] = live
                self._cases.move_to_end(case_id)
        while len(self._cases) > CASES_MAX:
            self._cases.popitem(last=False)
