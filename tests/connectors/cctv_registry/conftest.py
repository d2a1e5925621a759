from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from connectors.cctv_registry.config import Config
from connectors.cctv_registry.registry import RegistryLoad, load
from tests.connectors.cctv_registry.files import NOW_US, write_file

LoadRows = Callable[..., RegistryLoad]


@pytest.fixture
def load_rows(tmp_path: Path) -> LoadRows:
    """Write rows as a file of the variant and load it."""

    def write_and_load(
        rows: Sequence[Sequence[str]], variant: str = "standard-16", encoding: str = "utf-8", **options: object
    ) -> RegistryLoad:
        path = write_file(tmp_path / "registry.csv", rows, variant, encoding)
        return load(path, Config(**options), NOW_US)  # type: ignore[arg-type]

    return write_and_load
