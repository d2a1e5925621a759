"""The cities' policies, which tests start from."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.rules.policy import Policy
from topologies.city_files import load_city

CITIES = Path(__file__).parents[2] / "cities"
DEMO = load_city(CITIES, "demo").policy
SEOUL_CITY = load_city(CITIES, "seoul").policy


def policy_with(policy: Policy = DEMO, **parts: dict[str, Any]) -> Policy:
    """Return a policy with some fields of its parts changed: ``policy_with(lease={"retention_s": 5})``."""
    return replace(policy, **{name: replace(getattr(policy, name), **fields) for name, fields in parts.items()})
