"""Fixtures of tests of the whole path: they run on the embedded broker, and slowly on a real Kafka too."""

import pytest


@pytest.fixture(
    params=["embedded_broker", pytest.param("kafka_broker", marks=[pytest.mark.slow, pytest.mark.kafka])],
)
def broker(request: pytest.FixtureRequest) -> str:
    """Give host:port of each kind of broker in turn."""
    return str(request.getfixturevalue(request.param))
