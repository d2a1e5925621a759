"""What stands on a topic is read from a real broker, and what comes after it."""

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from connectors.kit.errors import SourceUnavailableError
from connectors.kit.running.kafka_pictures import KafkaPictures
from connectors.kit.running.publish import Publisher
from connectors.kit.settings import ConnectorSettings
from schemas.topics import CAMERAS
from tests.support.golden import camera_grid


async def test_a_picture_is_read_to_its_end_and_followed(city: ConnectorSettings) -> None:
    cameras = camera_grid(37.5, 127.0, side=2)
    publisher = Publisher(city)
    await publisher.start()
    try:
        await publisher.publish_all(CAMERAS, cameras, source="test")
        async with asyncio.timeout(20), aclosing(KafkaPictures(city).batches(CAMERAS, follow=True)) as batches:
            found = []
            async for batch in batches:
                if not batch:
                    break
                found += [delivered.record for delivered in batch]
            assert found == cameras
            await publisher.publish_all(CAMERAS, cameras[:1], source="test")
            assert [delivered.record for delivered in await anext(batches)] == cameras[:1]
    finally:
        await publisher.close()


async def test_an_empty_topic_has_an_end_too(city: ConnectorSettings) -> None:
    async with asyncio.timeout(20):
        assert [batch async for batch in KafkaPictures(city).batches(CAMERAS, follow=False)] == [()]


async def test_a_broker_that_is_not_there_is_unavailable(city: ConnectorSettings) -> None:
    away = replace(city, bootstrap_servers=("127.0.0.1:9",))
    with pytest.raises(SourceUnavailableError):
        await anext(KafkaPictures(away).batches(CAMERAS, follow=False))


async def test_a_topic_that_is_not_there_is_unavailable(city: ConnectorSettings) -> None:
    elsewhere = replace(city, topic_prefix="nowhere")
    with pytest.raises(SourceUnavailableError, match="nowhere"):
        await anext(KafkaPictures(elsewhere).batches(CAMERAS, follow=False))
