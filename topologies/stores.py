"""Faust stores that restore in bulk: thin adapters between Faust's tables and ``TableFeed`` and ``Crew``.

Faust recovers a table record by record (about 4,000 a second). These stores read everything themselves in
``on_rebalance``, which Faust awaits before any stream flows, so Faust's own recovery has nothing left to do.
"""

from collections.abc import Callable, Iterable
from typing import Any

import faust
from faust.stores import STORES, memory
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery

from topologies.crew import Crew
from topologies.table_feed import TableFeed

# The host part is needed: a URL without one counts as no URL, and Faust would silently take its default store.
FEED_STORE_URL = "goldentime-feed://local"
CASE_STORE_URL = "goldentime-cases://local"


class _BulkStore(memory.Store):  # type: ignore[misc]
    """What both stores share: Faust reads no rows into them and deletes none."""

    def set_persisted_offset(self, tp: Any, offset: int) -> None:
        """Ignore Faust's count; the store keeps its own."""

    async def on_recovery_completed(self, active_tps: set[Any], standby_tps: set[Any]) -> None:
        """Keep everything: rows do not belong to partitions of the group here."""


class FeedStore(_BulkStore):
    """Store of a global table over a public topic; ``options["feed"]`` is its ``TableFeed``."""

    @property
    def _feed(self) -> TableFeed:
        feed: TableFeed = self.options["feed"]
        return feed

    def persisted_offset(self, tp: Any) -> int:
        """Return the last offset applied; live changes are delivered from here on."""
        return self._feed.next_offset - 1

    async def on_rebalance(
        self, assigned: set[Any], revoked: set[Any], newly_assigned: set[Any], generation_id: int = 0
    ) -> None:
        """Load the topic the first time, else read what was missed during the rebalance."""
        await self._feed.catch_up()

    def apply_changelog_batch(
        self, batch: Iterable[Any], to_key: Callable[[Any], Any], to_value: Callable[[Any], Any]
    ) -> None:
        """Hand live changes to the feed; each event carries a whole fetched batch."""
        for event in batch:
            self._feed.take(event.message.value)


class CaseStore(_BulkStore):
    """Store of the case table; ``options["crew"]`` is the ``Crew`` that restores and owns the state."""

    @property
    def _crew(self) -> Crew:
        crew: Crew = self.options["crew"]
        return crew

    def persisted_offset(self, tp: Any) -> int:
        """Return the last offset restored; what comes after it is our own and is never delivered."""
        return self._crew.restored_to.get(tp.partition, 0) - 1

    async def on_rebalance(
        self, assigned: set[Any], revoked: set[Any], newly_assigned: set[Any], generation_id: int = 0
    ) -> None:
        """Take over the state of the partitions that are ours now."""
        changelog = self.table.changelog_topic_name
        await self._crew.take_over({tp.partition for tp in assigned if tp.topic == changelog}, generation_id)

    def apply_changelog_batch(
        self, batch: Iterable[Any], to_key: Callable[[Any], Any], to_value: Callable[[Any], Any]
    ) -> None:
        """Refuse: state arrives in bulk only.

        Raises:
            RuntimeError: Faust delivered state although it must not.
        """
        if list(batch):
            raise RuntimeError("Faust delivered case state; the store restores it itself")


class SettledRecovery(Recovery):  # type: ignore[misc]
    """Faust's recovery with nothing to recover.

    Faust would compare our offsets with the topics' ends. Those ends move on with our own transactions, and their last
    offset is a marker that is never delivered: Faust would wait for it for ever.
    """

    def need_recovery(self) -> bool:
        """Return False: the stores have read everything before."""
        return False


class SettledTables(TableManager):  # type: ignore[misc]
    """Faust's table manager with the recovery above."""

    _recovery: Recovery | None = None

    @property
    def recovery(self) -> Recovery:
        """Return the recovery service."""
        if self._recovery is None:
            self._recovery = SettledRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery


class PublicGlobalTable(faust.GlobalTable):  # type: ignore[misc]
    """A global table whose changelog is a public topic; ``options["topic"]`` is its name."""

    def _changelog_topic_name(self) -> str:
        name: str = self.options["topic"]
        return name


class PublicTable(faust.Table):  # type: ignore[misc]
    """A table whose changelog is a topic of the contract; ``options["topic"]`` is its name."""

    def _changelog_topic_name(self) -> str:
        name: str = self.options["topic"]
        return name


def register() -> None:
    """Make the store URLs known to Faust."""
    STORES.aliases["goldentime-feed"] = "topologies.stores:FeedStore"
    STORES.aliases["goldentime-cases"] = "topologies.stores:CaseStore"
