"""The gateway: requests over HTTP become records, and answers once the records stand in Kafka."""

import asyncio
import contextlib
import re
import secrets
from collections import Counter, deque
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError, EntryRefusedError, SourceUnavailableError
from connectors.kit.option_values import flag_option, number_option, refuse_unknown, text_option
from connectors.kit.secrets import Secret
from connectors.kit.source import Accepted, Entry
from connectors.link_gateway.agencies import Agencies, read_agencies
from connectors.link_gateway.live import LiveCases
from connectors.link_gateway.parse import SECOND_US, UNKNOWN, Ask, Verdict, ask_of, judge, link_of, record_of
from connectors.link_gateway.rate import Rate
from schemas.topics import VIEW_SESSIONS
from schemas.view_session import ViewReason, ViewSession

OPTIONS = frozenset(
    {
        "listen", "url_path", "agencies", "link_url", "key_file", "key_env", "link_s", "rate_per_s", "answer_within_s",
        "exercises",
    }
)  # fmt: skip
BODY_BYTES_MAX = 4_096
BODY_WITHIN_S = 5.0
WAITING_MAX = 500
# Requests a second without a token that are recorded one by one.
NOBODY_PER_S = 1.0
KEY_CHARACTERS_MIN = 32
# The agency's own name of the operator; it becomes a pseudonym here.
OPERATOR_HEADER = "X-Operator"
_ADDRESS = re.compile(r"([^\s:/]+|\[[0-9a-fA-F:]+\]):(\d{1,5})")
_PATH = re.compile(r"/[A-Za-z0-9._~/-]{0,200}")
# What an agency is not told apart, so that no case is found out by asking.
_STATUS = {ViewReason.BAD_REQUEST: 400, ViewReason.NOT_AUTHENTICATED: 401, ViewReason.NOT_READY: 503}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    agencies: str
    link_url: str
    key: Secret
    host: str = "127.0.0.1"
    port: int = 8481
    url_path: str = "/links"
    link_us: int = 60 * SECOND_US
    rate_per_s: float = 20.0
    answer_within_s: float = 5.0
    exercises: bool = False

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that the options make.

        Raises:
            ConnectorConfigError: an option is missing, wrong or unknown; the message names it.
        """
        refuse_unknown(options, OPTIONS)
        address = _ADDRESS.fullmatch(text_option(options, "listen", "127.0.0.1:8481"))
        if address is None or int(address.group(2)) > 65_535:
            raise ConnectorConfigError("option listen must be host:port")
        path = text_option(options, "url_path", "/links")
        if not _PATH.fullmatch(path):
            raise ConnectorConfigError("option url_path must start with / and hold letters, digits and ._~- only")
        link_url = text_option(options, "link_url")
        parts = urlsplit(link_url)
        if parts.scheme not in ("http", "https") or parts.query or "{camera_id}" not in parts.path:
            raise ConnectorConfigError("option link_url must be http or https, with {camera_id} in its path, no query")
        key = Secret.from_options(options, "key")
        if not key.is_named:
            raise ConnectorConfigError("one of the options key_file and key_env is required")
        return cls(
            agencies=text_option(options, "agencies"),
            link_url=link_url,
            key=key,
            host=address.group(1).strip("[]"),
            port=int(address.group(2)),
            url_path=path,
            link_us=int(number_option(options, "link_s", 60, least=5, most=600) * SECOND_US),
            rate_per_s=number_option(options, "rate_per_s", 20.0, least=0.1, most=10_000),
            answer_within_s=number_option(options, "answer_within_s", 5.0, least=0.05, most=60),
            exercises=flag_option(options, "exercises", default=False),
        )


@dataclass(slots=True, eq=False)
class _Request:
    """A request whose record is on its way; the outcome is whether it stands in Kafka."""

    record: ViewSession
    outcome: "asyncio.Future[bool]"
    number: int = 0

    def settle(self, *, safe: bool) -> None:
        if not self.outcome.done():
            self.outcome.set_result(safe)


class LinkGatewaySource:
    """Answers requests for links; its entries are their records.

    Attributes:
        findings: how often what was answered, by reason; ``too-many-requests`` are not recorded.
        is_connected: whether requests are answered now.
    """

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        self.findings: Counter[str] = Counter()
        self.is_connected = False
        self._config = config
        self._context = context
        self._live = LiveCases()
        self._agencies = Agencies(())
        self._key = b""
        self._rates: dict[str, Rate] = {}
        self._queue: asyncio.Queue[_Request] = asyncio.Queue(WAITING_MAX)
        # Requests whose records are with the runner, in order.
        self._open: deque[_Request] = deque()

    async def entries(self, cursor: str | None) -> AsyncGenerator[Entry, None]:
        """Yield a record for every request, for ever.

        Raises:
            SourceUnavailableError: the broker does not answer, or the address cannot be listened on now.
            ConnectorConfigError: a token or key is not there, or another connector has the path.
        """
        config, listeners = self._config, self._context.listeners
        self._prepare()
        if self._context.pictures is None:
            raise ConnectorConfigError("the gateway must read camera-assignments; run it with a broker")
        number = int(cursor) if cursor is not None and cursor.isascii() and cursor.isdigit() else 0
        await listeners.join(config.host, config.port, config.url_path, self._handle)
        following = asyncio.create_task(self._live.follow(self._context.pictures))
        self.is_connected = True
        try:
            while True:
                request = await self._next(following)
                if request.outcome.done():
                    continue  # its asker has given up; nothing was handed out
                number += 1
                request.number = number
                self._open.append(request)
                yield Accepted(VIEW_SESSIONS, request.record, str(number))
        finally:
            self.is_connected = False
            following.cancel()
            for request in (*self._open, *self._waiting()):
                request.settle(safe=False)
            self._open.clear()
            await listeners.leave(config.host, config.port, config.url_path)
            await asyncio.gather(following, return_exceptions=True)

    def acknowledged(self, cursor: str) -> None:
        """Answer the requests whose records stand in Kafka."""
        while self._open and self._open[0].number <= int(cursor):
            self._open.popleft().settle(safe=True)

    async def _next(self, following: "asyncio.Task[None]") -> _Request:
        """Return the next request; raise why the assignments can no longer be followed."""
        taking = asyncio.ensure_future(self._queue.get())
        try:
            await asyncio.wait({taking, following}, return_when=asyncio.FIRST_COMPLETED)
            if taking.done():
                return taking.result()
            following.result()
            raise SourceUnavailableError("camera-assignments ended")
        finally:
            taking.cancel()

    def _waiting(self) -> list[_Request]:
        found = []
        with contextlib.suppress(asyncio.QueueEmpty):
            while True:
                found.append(self._queue.get_nowait())
        return found

    def _prepare(self) -> None:
        """Read the tokens and the key; they may have been replaced since the last start."""
        self._agencies = read_agencies(Path(self._config.agencies))
        key = self._config.key.read() or ""
        if len(key) < KEY_CHARACTERS_MIN:
            raise ConnectorConfigError(f"option key_file must hold {KEY_CHARACTERS_MIN} or more characters")
        self._key = key.encode()

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        if request.method != "POST":
            return _answer(405, {"error": "ask with POST"}, Allow="POST")
        agency = self._agencies.of(request.headers.get("Authorization", ""))
        # All who show no token share one rate: guessing must not fill the record.
        per_s = self._config.rate_per_s if agency is not None else min(NOBODY_PER_S, self._config.rate_per_s)
        rate = self._rates.setdefault(agency or UNKNOWN, Rate(per_s))
        if not rate.allows() or self._queue.full():
            self.findings["too-many-requests"] += 1
            return _answer(429, {"error": "too many requests"}, **{"Retry-After": "1"})
        ask, verdict = Ask(), Verdict(ViewReason.NOT_AUTHENTICATED)
        now_us = self._context.clock.now_us()
        if agency is not None:
            ask, verdict = await self._judged(request, agency, now_us)
        live = self._live.of(ask.case_id)
        # What somebody without a token has named is not written down.
        record = record_of(
            ask,
            agency or UNKNOWN,
            verdict,
            live,
            session_id=secrets.token_hex(16),
            actor_ref=self._actor(request) if agency is not None else None,
            now_us=now_us,
        )
        self.findings[verdict.reason] += 1
        if not await self._is_safe(record):
            return _answer(503, {"error": "not now, ask again"}, **{"Retry-After": "2"})
        return self._answered(verdict, record)

    async def _judged(self, request: web.BaseRequest, agency: str, now_us: int) -> tuple[Ask, Verdict]:
        try:
            ask = ask_of(await _body(request))
        except EntryRefusedError:
            return Ask(), Verdict(ViewReason.BAD_REQUEST)
        if not self._live.is_ready.is_set():
            return ask, Verdict(ViewReason.NOT_READY)
        config, live = self._config, self._live.of(ask.case_id)
        return ask, judge(ask, agency, live, now_us, link_us=config.link_us, exercises=config.exercises)

    async def _is_safe(self, record: ViewSession) -> bool:
        """Have a record published; return whether it stands in Kafka in time."""
        waiting = _Request(record, asyncio.get_running_loop().create_future())
        try:
            self._queue.put_nowait(waiting)
            return await asyncio.wait_for(asyncio.shield(waiting.outcome), self._config.answer_within_s)
        except (TimeoutError, asyncio.QueueFull):
            return False
        finally:
            waiting.settle(safe=False)

    def _answered(self, verdict: Verdict, record: ViewSession) -> web.Response:
        if not verdict.is_given:
            status = _STATUS.get(ViewReason(verdict.reason), 403)
            return _answer(status, {"error": "not allowed" if status != 400 else "name case_id and camera_id"})
        given = {
            "url": link_of(self._config.link_url, record, self._key),
            "expires_us": record.until_us,
            "session_id": record.session_id,
            "masking_required": record.masking_required,
            "exercise": record.exercise,
        }
        return _answer(201, given)

    def _actor(self, request: web.BaseRequest) -> str | None:
        # Bytes of another encoding than UTF-8 arrive as half characters; written out, names stay apart.
        raw = request.headers.get(OPERATOR_HEADER, "").strip().encode("utf-8", "surrogateescape")
        name = raw.decode("utf-8", "backslashreplace")
        return self._context.pseudonyms.of("operator", name[:200]) if name else None


async def _body(request: web.BaseRequest) -> bytes:
    """Return the body of a request.

    Raises:
        EntryRefusedError: it is too long or too slow.
    """
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            body = await request.content.read(BODY_BYTES_MAX + 1)
            while not request.content.at_eof() and len(body) <= BODY_BYTES_MAX:
                body += await request.content.read(BODY_BYTES_MAX + 1)
    except TimeoutError:
        raise EntryRefusedError("too-slow", None, "the body did not come") from None
    if len(body) > BODY_BYTES_MAX:
        raise EntryRefusedError("too-large", None, f"at most {BODY_BYTES_MAX} bytes are read")
    return body


def _answer(status: int, body: Mapping[str, Any], **headers: str) -> web.Response:
    # A link must not lie in a cache.
    return web.json_response(dict(body), status=status, headers={"Cache-Control": "no-store", **headers})
