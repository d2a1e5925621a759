"""What is shown of a source and the broker: that they do not answer, and that they answer again."""

from types import SimpleNamespace

import pytest

from connectors.kit.running.answering import ANSWERS_S, LATE_S, SEEMS_TO_ANSWER_S, Answering
from connectors.kit.running.pacing import BROKER_PAUSE_MAX_S, Backoff, ConnectorCounters


def test_a_broker_that_is_late_shows_however_many_entries_come_and_is_counted_once() -> None:
    counters = ConnectorCounters()
    answering = Answering(counters, object())
    assert not answering.look(waited_s=LATE_S, reads_s=9.0)
    assert counters.last_error is None
    assert answering.look(waited_s=LATE_S + 0.1, reads_s=9.0)
    answering.entry_came()
    assert not answering.look(waited_s=LATE_S + 0.2, reads_s=9.0)
    assert counters.last_error == "the broker has acknowledged nothing for 3 s"
    assert counters.unavailable == 1
    answering.look(waited_s=0.0, reads_s=9.0)
    assert counters.last_error is None


@pytest.mark.parametrize(
    ("is_connected", "reads_s", "shown"),
    [
        (True, ANSWERS_S, "it is away"),
        (True, ANSWERS_S + 0.1, None),
        (False, 3600.0, "it is away"),
        (None, SEEMS_TO_ANSWER_S, "it is away"),
        (None, SEEMS_TO_ANSWER_S + 0.1, None),
    ],
)
def test_a_source_that_gives_nothing_is_shown_as_answering_once_it_goes_on(
    is_connected: bool | None, reads_s: float, shown: str | None
) -> None:
    counters = ConnectorCounters(last_error="it is away")
    Answering(counters, SimpleNamespace(is_connected=is_connected)).look(waited_s=0.0, reads_s=reads_s)
    assert counters.last_error == shown


def test_an_entry_shows_that_the_source_answers() -> None:
    counters = ConnectorCounters(last_error="it is away")
    Answering(counters, object()).entry_came()
    assert counters.last_error is None


def test_our_own_broker_is_asked_again_sooner_than_the_systems_outside() -> None:
    backoff = Backoff(first_s=0.5, limit_s=30)
    assert [backoff.broker_pause_s(failures) for failures in (1, 2, 3, 4, 100)] == [0.5, 1, 2, 3, 3]
    assert Backoff(first_s=0.01, limit_s=0.05).broker_pause_s(100) == 0.05
    assert backoff.limit_s > BROKER_PAUSE_MAX_S
