"""A source of sensors: its cursor is that of the transport together with the alarms that are on."""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError
from connectors.kit.payloads import PayloadSource, Transport
from connectors.kit.sensors.alarms import SensorAlarms
from connectors.kit.sensors.table import SensorTable
from connectors.kit.source import Entry
from connectors.kit.transports.mqtt_session import HANDED_OVER
from schemas.topics import INCIDENTS


class SensorSource(PayloadSource):
    """A payload source whose readings become incidents by threshold; the connector writes ``read``.

    Args:
        transport: where payloads come from.
        context: the surroundings.
        name: of the connector.
        table: the city's table.

    Attributes:
        alarms: makes incidents of readings.
        table: the city's table.
    """

    def __init__(self, transport: Transport, context: ConnectorContext, *, name: str, table: SensorTable) -> None:
        super().__init__(transport, context, topic=INCIDENTS)
        self.table = table
        self.alarms = SensorAlarms(name, table, context, self.note)

    def remembered(self) -> dict[str, Any]:
        """Return what must survive a restart, JSON-able."""
        return {"alarms": self.alarms.book.state()}

    def remember(self, state: Mapping[str, Any]) -> None:
        """Take what :meth:`remembered` gave, or nothing at all, and forget what came after it.

        Raises:
            ValueError: it is no such state.
        """
        self.alarms.book.restore(state.get("alarms", {}))

    async def entries(self, cursor: str | None) -> AsyncGenerator[Entry, None]:
        """Yield the entries of all payloads after ``cursor``, for ever.

        Raises:
            SourceUnavailableError: the other system does not answer.
            ConnectorConfigError: the cursor is of another connector, or a secret is not there.
        """
        inner, state = _parted(cursor)
        try:
            self.remember(state)
        except ValueError as error:
            raise ConnectorConfigError("the stored cursor is none of this connector; reset it to start anew") from error
        # What is handed over for good cannot be read again, so it has no cursor.
        reads_again = getattr(self._transport, "acknowledge", None) != HANDED_OVER
        before = self._joined(inner)
        async with aclosing(super().entries(inner)) as entries:
            async for entry in entries:
                # The transport gives the last entry of a payload a new cursor; the alarms are then those after it. From
                # the others on, the whole payload is read again with the alarms before it.
                if entry.cursor not in (None, inner or ""):
                    inner = entry.cursor
                    before = self._joined(inner)
                yield replace(entry, cursor=before) if reads_again else entry

    def acknowledged(self, cursor: str) -> None:
        """Pass on to the transport that every entry up to ``cursor`` stands in Kafka."""
        inner, _ = _parted(cursor)
        if inner is not None:
            super().acknowledged(inner)

    def _joined(self, inner: str | None) -> str:
        return json.dumps({"at": inner, "state": self.remembered()}, separators=(",", ":"))


def _parted(cursor: str | None) -> tuple[str | None, Mapping[str, Any]]:
    if cursor is None:
        return None, {}
    try:
        fields = json.loads(cursor)
        return fields["at"], dict(fields["state"])
    except (ValueError, KeyError, TypeError) as error:
        raise ConnectorConfigError("the stored cursor is none of this connector; reset it to start anew") from error
