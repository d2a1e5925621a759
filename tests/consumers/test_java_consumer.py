"""The Java consumer of docs/consumers.md has the same picture as ``goldentime watch``; built and run by Maven."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.consumers.city_run import CityRun, assert_same_picture, running_city

POM = Path(__file__).parent / "java" / "pom.xml"
BUILD_TIMEOUT_S = 300

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(shutil.which("mvn") is None, reason="no Maven on the path"),
    pytest.mark.skipif(shutil.which("javac") is None, reason="no Java compiler on the path"),
]


@pytest.fixture(scope="module")
def built() -> None:
    """Build it, which fetches its libraries the first time."""
    command = ["mvn", "-q", "-B", "-f", str(POM), "compile"]
    subprocess.run(command, check=True, timeout=BUILD_TIMEOUT_S, env=dict(os.environ))


def java_command(run: CityRun, now_us: int) -> list[str]:
    arguments = f"{run.broker} {run.registry} {run.topic} 2 {now_us}"
    return ["mvn", "-q", "-B", "-f", str(POM), "exec:java", f"-Dexec.args={arguments}"]


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("kind", ["embedded_broker", pytest.param("kafka_broker", marks=pytest.mark.kafka)])
async def test_a_consumer_in_java_keeps_the_picture_that_watch_shows(
    kind: str, request: pytest.FixtureRequest, prefix: str, tmp_path: Path
) -> None:
    async with running_city(request.getfixturevalue(kind), prefix, tmp_path) as run:
        now_us = time.time_ns() // 1000
        changes = await assert_same_picture(run, java_command(run, now_us), now_us)

    assert "inc-nowhere needs-location" in changes
