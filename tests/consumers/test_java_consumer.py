"""The Java consumer of docs/consumers.md has the same picture as ``goldentime watch``; built and run by Maven."""

from functools import partial
from pathlib import Path

import pytest

from tests.consumers.city_run import assert_same_picture, running_city
from tests.consumers.commands import build_java, java_command, why_no_java

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(why_no_java() is not None, reason=str(why_no_java())),
]


async def test_a_consumer_in_java_keeps_the_picture_that_watch_shows(
    embedded_broker: str, prefix: str, tmp_path: Path
) -> None:
    build_java()
    async with running_city(embedded_broker, prefix, tmp_path) as run:
        changes = await assert_same_picture(run, partial(java_command, run.broker, run.registry, run.topic))

    assert "inc-nowhere needs-location" in changes
