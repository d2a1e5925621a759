"""A broker for these tests, and a city on it."""

import warnings
from collections.abc import Iterator

import pytest

with warnings.catch_warnings():
    # Other people's modules use what newer Pythons deprecate; our own warnings stay errors.
    warnings.simplefilter("ignore", DeprecationWarning)
    import faust  # noqa: F401
    import kafka.admin  # noqa: F401

from console.embedded_broker import EmbeddedBroker


@pytest.fixture(autouse=True)
def _no_settings_of_a_real_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BOOTSTRAP_SERVERS", "CITY", "CITIES_DIR", "CLOCK", "CASE_PARTITIONS", "SECURITY_PROTOCOL"):
        monkeypatch.delenv(f"GOLDENTIME_{name}", raising=False)


@pytest.fixture(scope="session")
def broker() -> Iterator[EmbeddedBroker]:
    """Give a broker with an empty log."""
    with EmbeddedBroker() as started:
        yield started
