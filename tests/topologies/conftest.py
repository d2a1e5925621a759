"""Settings of workers on the shared embedded broker."""

import pytest

from topologies.settings import Settings


@pytest.fixture
def settings(embedded_broker: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Give settings of a worker on the embedded broker."""
    return Settings(
        bootstrap_servers=(embedded_broker,),
        city="test",
        data_dir=tmp_path_factory.mktemp("data"),
        case_partitions=2,
        request_timeout_s=15,
        # The embedded broker lets the first member wait for half of this.
        session_timeout_s=2,
    )
