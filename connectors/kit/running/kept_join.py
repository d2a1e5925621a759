"""Joins of a consumer group that outlast a poll, kept for the next one.

kafka-python 3.0.12 begins a join anew where the one before ended while nobody polled, and so makes the whole group
move again. Members that poll only now and then, because their outside is down, would never agree. And it forgets a join
that it began because a topic changed, where one poll did not see its end: it then never reads again.
"""

from typing import Any

from kafka import KafkaConsumer
from kafka.coordinator.base import MemberState


class KeptJoin:
    """Stands before a coordinator's own join: gives the end of one that no poll took, else joins.

    Args:
        coordinator: kafka-python's coordinator of one consumer. It marks itself as stable when a poll takes the end.
    """

    def __init__(self, coordinator: Any) -> None:
        self._coordinator = coordinator
        self._join = coordinator._do_join_and_sync_async
        self._kept: tuple[Any, bytes] | None = None

    async def __call__(self) -> bytes:
        """Join once, or return what the last join came to.

        Returns:
            This member's partitions as the group's leader encoded them.

        Raises:
            kafka.errors.KafkaError: the join failed.
        """
        kept, self._kept = self._kept, None
        coordinator = self._coordinator
        coordinator.request_rejoin()  # what is asked for is not forgotten; whoever takes the end takes this back
        if kept is not None and coordinator.state is MemberState.REBALANCING and coordinator._generation is kept[0]:
            return kept[1]
        assigned: bytes = await self._join()
        self._kept = coordinator._generation, assigned
        return assigned


def keep_joins(consumer: KafkaConsumer) -> None:
    """Have a consumer keep joins that end between two polls; call it before the first poll."""
    coordinator = consumer._coordinator
    coordinator._do_join_and_sync_async = KeptJoin(coordinator)
