"""The quality card decides which tests of a suite run: what is to do or exempt is skipped, with its reason."""

import functools
import inspect
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import connectors

ROOT = Path(connectors.__file__).parent


@functools.cache
def card_of(name: str) -> dict[str, Any]:
    """Return the rules of a connector's quality card."""
    rules: dict[str, Any] = tomllib.loads((ROOT / name / "quality.toml").read_text("utf-8")).get("rules", {})
    return rules


def proves(rule: str) -> Callable[[Any], Any]:
    """Return a decorator: the test proves a rule, and is skipped where the card says todo or exempt."""

    def decorate(test: Any) -> Any:
        if inspect.iscoroutinefunction(test):

            @functools.wraps(test)
            async def run_async(self: Any, *args: Any, **kwargs: Any) -> None:
                _skip_unless_done(self.name, rule)
                await test(self, *args, **kwargs)

            return run_async

        @functools.wraps(test)
        def run(self: Any, *args: Any, **kwargs: Any) -> None:
            _skip_unless_done(self.name, rule)
            test(self, *args, **kwargs)

        return run

    return decorate


def _skip_unless_done(name: str, rule: str) -> None:
    entry = card_of(name).get(rule, {"status": "done"})
    if entry["status"] != "done":
        pytest.skip(f"{rule} is {entry['status']}: {entry['reason']}")
