"""What a sender hears: 202 once its records are safe, and what was wrong or asked too much otherwise."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import pytest

from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError
from connectors.kit.payloads import Arrival, PayloadSource, transport_from
from connectors.kit.reading.json_bodies import json_items
from connectors.kit.reading.json_records import record_from_json, record_to_json
from connectors.kit.source import Accepted, Entry
from schemas.incident import Incident
from schemas.topics import INCIDENTS
from tests.connectors.helpers import incident
from tests.connectors.local_context import a_context

GOOD = json.dumps(record_to_json(incident(1))).encode()
BEARER = {"Authorization": "Bearer open sesame"}


class Records(PayloadSource):
    """Our own records, pushed as they are."""

    def read(self, payload: bytes, arrival: Arrival) -> Iterable[Entry]:
        return self.each(json_items(payload), lambda item: Accepted(INCIDENTS, record_from_json(Incident, item)))


@asynccontextmanager
async def listening(
    context: ConnectorContext, *, confirms: bool = True, name: str = "records", **options: Any
) -> AsyncIterator[str]:
    """Let a source listen, confirming every entry as the runner does once it is safe; give its address."""
    if not any(key.startswith("hmac") for key in options):
        options = {"token_env": "SUITE_TOKEN", **options}
    transport = transport_from({"listen": "127.0.0.1:0", **options}, ("http-push",), name=name)
    source = Records(transport, context, topic=INCIDENTS)

    async def consume() -> None:
        async for entry in source.entries(None):
            if confirms and entry.cursor is not None:
                source.acknowledged(entry.cursor)

    consuming = asyncio.create_task(consume())
    try:
        async with asyncio.timeout(5):
            while not source.is_connected:
                await asyncio.sleep(0.001)
                if consuming.done():
                    consuming.result()
        yield f"http://127.0.0.1:{context.listeners.port_of('127.0.0.1', 0)}/in/{name}"
    finally:
        consuming.cancel()
        with suppress(asyncio.CancelledError):
            await consuming


async def post(url: str, body: bytes = GOOD, headers: Any = BEARER, method: str = "POST") -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.request(method, url, data=body, headers=headers) as answer:
        return answer.status, await answer.json()


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUITE_TOKEN", "open sesame")


async def test_a_body_whose_records_are_safe_is_answered_with_202() -> None:
    async with listening(a_context()) as url:
        assert await post(url) == (202, {"accepted": 1, "refused": 0, "errors": []})


async def test_a_body_of_many_says_of_each_refused_item_which_field_was_wrong() -> None:
    broken = {**json.loads(GOOD), "status": "perhaps"}
    async with listening(a_context()) as url:
        status, answer = await post(url, json.dumps([json.loads(GOOD), broken]).encode())

    assert (status, answer["accepted"], answer["refused"]) == (202, 1, 1)
    assert [(e["index"], e["field"], e["reason"]) for e in answer["errors"]] == [(2, "status", "unknown-code")]


async def test_a_body_of_which_nothing_can_be_used_is_answered_with_400() -> None:
    async with listening(a_context()) as url:
        status, answer = await post(url, b"{broken")

    assert (status, answer["errors"][0]["reason"]) == (400, "broken-json")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "open sesame"}])
async def test_a_sender_without_the_token_is_answered_with_401(headers: dict[str, str]) -> None:
    async with listening(a_context()) as url:
        assert (await post(url, headers=headers))[0] == 401


async def test_a_signed_body_is_taken_and_one_that_was_changed_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUITE_KEY", "key")
    signature = "sha256=" + hmac.new(b"key", GOOD, hashlib.sha256).hexdigest()
    async with listening(a_context(), hmac_env="SUITE_KEY") as url:
        assert (await post(url, headers={"X-Hub-Signature-256": signature}))[0] == 202
        assert (await post(url, GOOD + b" ", headers={"X-Hub-Signature-256": signature}))[0] == 401
        assert (await post(url, headers={}))[0] == 401


async def test_a_body_that_is_too_long_is_answered_with_413() -> None:
    async with listening(a_context(), max_body_bytes=300) as url:
        assert (await post(url))[0] == 413


async def test_more_than_the_rate_is_answered_with_429() -> None:
    async with listening(a_context(), rate_per_s=1) as url:
        statuses = [(await post(url))[0] for _ in range(3)]

    assert statuses[0] == 202
    assert 429 in statuses


async def test_what_is_not_safe_in_time_is_answered_with_503_so_that_it_is_sent_again() -> None:
    async with listening(a_context(), confirms=False, answer_within_s=0.05) as url:
        assert (await post(url))[0] == 503


async def test_a_read_is_answered_with_405_and_another_path_with_404() -> None:
    async with listening(a_context()) as url:
        assert (await post(url, b"", method="GET"))[0] == 405
        assert (await post(url + "/other"))[0] == 404


async def test_two_connectors_share_one_server_and_one_that_pauses_answers_503() -> None:
    context = a_context()
    async with listening(context) as first:
        async with listening(context, name="others") as second:
            assert first.rsplit("/", 1)[0] == second.rsplit("/", 1)[0]
            assert (await post(first))[0] == (await post(second))[0] == 202
        assert (await post(second))[0] == 503


async def test_two_connectors_on_one_path_are_refused_by_name() -> None:
    context = a_context()
    async with listening(context):
        with pytest.raises(ConnectorConfigError, match="url_path"):
            async with listening(context):
                pass


def test_a_push_without_any_secret_is_refused() -> None:
    with pytest.raises(ConnectorConfigError, match="token_file"):
        transport_from({}, ("http-push",), name="records")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"listen": "nowhere"}, "listen"),
        ({"listen": "h:70000"}, "listen"),
        ({"url_path": "in"}, "url_path"),
        ({"token_file": "/x"}, "token_env"),
        ({"hmac_env": "K"}, "hmac"),
        ({"rate_per_s": 0}, "rate_per_s"),
        ({"transport": "pigeon"}, "transport"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ConnectorConfigError, match=named):
        transport_from({"token_env": "T", **options}, ("http-push", "mqtt"), name="records")
