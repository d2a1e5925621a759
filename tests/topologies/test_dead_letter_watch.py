"""The age of the oldest dead letter, read from the topics of a real broker."""

from dataclasses import replace

import pytest

from schemas.topics import prefixed
from tests.topologies.running import write
from topologies.dead_letter_watch import DeadLetterWatch
from topologies.metrics import FlowMetrics
from topologies.settings import Settings
from topologies.topics import ensure_topics


@pytest.fixture
def city(settings: Settings, prefix: str) -> Settings:
    ensure_topics(settings, prefix)
    return settings


async def test_the_oldest_letter_of_all_topics_is_found(city: Settings, prefix: str) -> None:
    metrics = FlowMetrics()

    def oldest_s() -> float:
        return metrics.registry.get_sample_value("goldentime_dead_letter_oldest_seconds") or 0.0

    full_name = prefixed(prefix)
    await DeadLetterWatch(city, full_name, metrics, is_ours=lambda: True).look()
    assert oldest_s() == 0.0
    servers = city.bootstrap_servers[0]
    await write(servers, full_name("sightings-dlq"), [(b"k", b"one"), (b"k", b"two")], partition=1)
    await write(servers, full_name("incidents-dlq"), [(b"k", b"three")])

    class InAnHour:
        def now_us(self) -> int:
            return city.clock.now_us() + 3_600_000_000

    later = replace(city, clock=InAnHour())
    await DeadLetterWatch(later, full_name, metrics, is_ours=lambda: True).look()
    assert 3_600 <= oldest_s() < 3_660
