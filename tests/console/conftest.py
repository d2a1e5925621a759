"""The shared broker, and no settings of a real deployment."""

import logging
from collections.abc import Iterator

import pytest

from console.embedded_broker import EmbeddedBroker


@pytest.fixture(autouse=True)
def _no_settings_of_a_real_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BOOTSTRAP_SERVERS", "CITY", "CITIES_DIR", "CLOCK", "CASE_PARTITIONS", "SECURITY_PROTOCOL"):
        monkeypatch.delenv(f"GOLDENTIME_{name}", raising=False)


@pytest.fixture(autouse=True)
def _loggers_as_they_were() -> Iterator[None]:
    """Undo what a command called in this process says about logging; other tests read those logs."""
    loggers = [logging.getLogger(name) for name in ("kafka", "aiokafka", "connectors")]
    loggers += [logging.getLogger(f"connectors.{name}") for name in ("runner", "sink_runner")]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
def broker(embedded_broker_process: EmbeddedBroker) -> EmbeddedBroker:
    """Give the embedded broker that all tests share; what they write to the demo city stays there."""
    return embedded_broker_process
