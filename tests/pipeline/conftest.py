"""Fixtures of the pipeline's tests."""

import csv
from pathlib import Path

import pytest

REAL_REGISTRY = Path(__file__).parents[3] / "shared" / "data" / "seoul_ansimi_cctv_datatoys.csv"


@pytest.fixture(scope="session")
def real_positions():
    """Return {camera id: (lat, lon)} of Seoul's linked cameras, a row each."""
    if not REAL_REGISTRY.exists():
        pytest.skip(f"the real registry is not there: ../shared/data/{REAL_REGISTRY.name}")
    with REAL_REGISTRY.open(encoding="utf-8-sig", newline="") as file:
        return {
            f"seoul-{n:06d}": (float(row["위도"]), float(row["경도"])) for n, row in enumerate(csv.DictReader(file))
        }
