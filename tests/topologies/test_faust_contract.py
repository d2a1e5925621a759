import dataclasses

import pytest

from topologies import faust_contract
from topologies.errors import TransportChangedError
from topologies.faust_contract import HOOKS, Hook, check_installed, source_digest


def test_the_pinned_faust_has_every_hook() -> None:
    check_installed()


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: f"{hook.owner.split(':')[1]}.{hook.name}")
def test_the_source_of_a_hook_is_the_one_that_was_read(hook: Hook) -> None:
    assert source_digest(hook) == hook.digest, f"read it again: {hook.why}"


def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faust_contract, "FAUST_VERSION", "0.16.0")
    with pytest.raises(TransportChangedError, match=r"faust-streaming must be 0\.16\.0, is 0\.15\.3"):
        check_installed()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [({"name": "_no_such_method"}, "is gone"), ({"parameters": ("tp", "other")}, "took")],
)
def test_a_missing_or_changed_hook_is_named(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, object], complaint: str
) -> None:
    broken = dataclasses.replace(HOOKS[0], **change)  # type: ignore[arg-type]
    monkeypatch.setattr(faust_contract, "HOOKS", (*HOOKS[1:], broken))
    with pytest.raises(TransportChangedError, match=f"{broken.name}.*{complaint}"):
        check_installed()
