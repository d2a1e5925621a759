"""A real Kafka that is killed and comes back with its data, for tests of outages."""

from tests.support.kafka_server import KafkaServer

# The controller lets a broker that was killed come back only when its old session is over; by default that is 9 s.
SHORT_SESSION = "broker.session.timeout.ms=2000\nbroker.heartbeat.interval.ms=500\n"


class RestartingKafka(KafkaServer):
    """A broker that can go away in the middle of a ``with`` block and come back at the same address."""

    def go_away(self) -> None:
        """Kill the broker; its log stays on the disk."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(20)

    def come_back(self) -> None:
        """Start the broker again; return when it listens."""
        assert self._folder is not None
        properties = self._folder / "server.properties"
        with properties.open("a") as file:
            file.write(SHORT_SESSION)
        self._start(properties)
