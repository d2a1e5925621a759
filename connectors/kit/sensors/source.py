"""A source of sensors: which alarms are on is remembered between payloads and over restarts."""

from connectors.kit.case_book import Books, Remembers
from connectors.kit.context import ConnectorContext
from connectors.kit.payloads import PayloadSource, Transport
from connectors.kit.sensors.alarms import SensorAlarms
from connectors.kit.sensors.table import SensorTable
from schemas.topics import INCIDENTS


class SensorSource(PayloadSource):
    """A payload source whose readings become incidents by threshold; the connector writes ``read``.

    Args:
        transport: where payloads come from.
        context: the surroundings.
        name: of the connector.
        table: the city's table.
        memories: what the connector remembers besides, by a name.

    Attributes:
        alarms: makes incidents of readings.
        table: the city's table.
    """

    def __init__(
        self, transport: Transport, context: ConnectorContext, *, name: str, table: SensorTable, **memories: Remembers
    ) -> None:
        self.table = table
        self.alarms = SensorAlarms(name, table, context, self.note)
        books = Books({"alarms": self.alarms.book.sensors, **memories})
        super().__init__(transport, context, topic=INCIDENTS, memory=books)
