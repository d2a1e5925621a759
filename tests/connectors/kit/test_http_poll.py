"""A polled feed: what is new is published once, and a server that fails is asked again and never followed elsewhere."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from connectors.kit.errors import ConnectorConfigError, SourceUnavailableError
from connectors.kit.payloads import Arrival, PayloadSource, transport_from
from connectors.kit.reading.json_bodies import json_items, json_object
from connectors.kit.reading.json_records import record_from_json, record_to_json
from connectors.kit.source import Accepted, Entry, Refused
from schemas.incident import Incident
from schemas.topics import INCIDENTS
from tests.connectors.helpers import incident
from tests.connectors.local_context import a_context
from tests.support import loopback

SECRET = "key/with?signs"
Answers = Callable[[web.BaseRequest], web.Response]


class Records(PayloadSource):
    """Our own records at a URL; an object may name the next page."""

    def read(self, payload: bytes, arrival: Arrival) -> Iterable[Entry]:
        items = json_items(payload, "items")
        return self.each(items, lambda item: Accepted(INCIDENTS, record_from_json(Incident, item)))

    def next_url(self, payload: bytes, arrival: Arrival) -> str | None:
        following = json_object(payload).get("next")
        return None if following is None else str(following)


def page(*numbers: int, following: str | None = None) -> bytes:
    items = [record_to_json(incident(number)) for number in numbers]
    return json.dumps({"items": items, "next": following}).encode()


@asynccontextmanager
async def served(answers: Answers) -> AsyncIterator[str]:
    async def answer(request: web.BaseRequest) -> web.Response:
        return answers(request)

    async with loopback.served(answer) as url:
        yield url


def a_source(url: str, **options: Any) -> Records:
    transport = transport_from({"url": url, "interval_s": 0.01, **options}, ("http-poll",), name="records")
    return Records(transport, a_context(), topic=INCIDENTS)


async def take(source: Records, count: int, cursor: str | None = None) -> list[Entry]:
    entries: list[Entry] = []
    async with asyncio.timeout(5), aclosing(source.entries(cursor)) as stream:
        async for entry in stream:
            entries.append(entry)
            if len(entries) == count:
                break
    return entries


def ids(entries: list[Entry]) -> list[str]:
    return [entry.record.event_id for entry in entries if isinstance(entry, Accepted) and entry.record is not None]


async def test_what_is_still_shown_is_not_published_again_and_what_is_new_is() -> None:
    bodies = [page(1, 2), page(1, 2), page(2, 3)]

    async with served(lambda _: web.Response(body=bodies.pop(0) if len(bodies) > 1 else bodies[0])) as url:
        entries = await take(a_source(url), 3)

    assert ids(entries) == ["112:1:1", "112:2:1", "112:3:1"]


async def test_after_a_restart_an_unchanged_body_gives_nothing() -> None:
    conditions: list[str] = []

    def answers(request: web.BaseRequest) -> web.Response:
        conditions.append(request.headers.get("If-None-Match", ""))
        return web.Response(body=page(1), headers={"ETag": '"a"'})

    async with served(answers) as url:
        (entry,) = await take(a_source(url), 1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await take(a_source(url), 1, entry.cursor)

    assert '"a"' in conditions


async def test_a_page_that_is_none_is_refused_and_the_server_is_asked_again() -> None:
    bodies = iter([b"<html>come back later</html>"])

    async with served(lambda request: web.Response(body=next(bodies, page(1)))) as url:
        refused, accepted = await take(a_source(url), 2)

    assert isinstance(refused, Refused)
    assert isinstance(accepted, Accepted)


async def test_pages_are_followed_and_only_the_last_entry_moves_the_cursor_on() -> None:
    def answers(request: web.BaseRequest) -> web.Response:
        return web.Response(body=page(2) if request.path == "/two" else page(1, following="/two"))

    async with served(answers) as url:
        entries = await take(a_source(url), 2)

    assert ids(entries) == ["112:1:1", "112:2:1"]
    assert entries[0].cursor == "", "a failure before the last one begins anew"
    assert json.loads(str(entries[1].cursor))["n"] == 1


@pytest.mark.parametrize("following", ["http://127.0.0.1:1/else", "file:///etc/hosts"])
async def test_a_page_on_another_server_is_not_followed(following: str) -> None:
    async with served(lambda _: web.Response(body=page(1, following=following))) as url:
        with pytest.raises(SourceUnavailableError, match="one server"):
            await take(a_source(url), 1)


@pytest.mark.parametrize("status", [301, 401, 404, 500, 503])
async def test_any_answer_but_200_is_an_outage_with_its_status(status: int) -> None:
    async with served(lambda _: web.Response(status=status, headers={"Location": "/x"})) as url:
        with pytest.raises(SourceUnavailableError, match=str(status)):
            await take(a_source(url), 1)


async def test_a_body_that_is_too_long_is_an_outage() -> None:
    async with served(lambda _: web.Response(body=b" " * 1_000)) as url:
        with pytest.raises(SourceUnavailableError, match="over 256 bytes"):
            await take(a_source(url, max_body_bytes=256), 1)


async def test_a_server_that_is_not_there_is_an_outage_and_the_secret_is_not_in_the_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SUITE_KEY", SECRET)
    source = a_source("http://127.0.0.1:9/feed?key={key}", token_env="SUITE_KEY")

    with pytest.raises(SourceUnavailableError) as failure:
        await take(source, 1)

    assert "127.0.0.1 does not answer" in str(failure.value)
    assert "key" not in str(failure.value)


async def test_the_secret_goes_into_the_url_or_the_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUITE_KEY", SECRET)
    seen: list[tuple[str, str, str]] = []

    def answers(request: web.BaseRequest) -> web.Response:
        headers = request.headers
        seen.append((request.query_string, headers.get("Authorization", ""), headers.get("X-Key", "")))
        return web.Response(body=page(1))

    async with served(answers) as url:
        await take(a_source(url + "/?k={key}", token_env="SUITE_KEY"), 1)
        await take(a_source(url, token_env="SUITE_KEY"), 1)
        await take(a_source(url, token_env="SUITE_KEY", token_header="X-Key"), 1)

    assert seen == [(f"k={SECRET}", "", ""), ("", f"Bearer {SECRET}", ""), ("", "", SECRET)]


async def test_a_cursor_of_another_connector_is_refused() -> None:
    with pytest.raises(ConnectorConfigError, match="cursor"):
        await take(a_source("http://127.0.0.1:9/"), 1, "7:calls.csv")


@pytest.mark.parametrize(
    ("options", "named"),
    [({"url": "ftp://x"}, "url"), ({"url": "http://x/{key}"}, "token_file"), ({"interval_s": 0}, "interval_s")],
)
def test_wrong_options_are_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ConnectorConfigError, match=named):
        transport_from({"url": "http://x", **options}, ("http-poll",), name="records")


async def test_a_token_that_was_renewed_in_its_file_is_taken_after_a_refusal(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old")

    def answers(request: web.BaseRequest) -> web.Response:
        known = request.headers["Authorization"] == "Bearer new"
        return web.Response(body=page(1)) if known else web.Response(status=401)

    async with served(answers) as url:
        source = a_source(url, token_file=str(token))
        with pytest.raises(SourceUnavailableError, match="answers 401"):
            await take(source, 1)
        token.write_text("new")
        assert len(await take(source, 1)) == 1
