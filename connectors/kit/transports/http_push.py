"""Records that another system pushes over HTTP, answered when they are safe.

A request is answered with 202 once Kafka has acknowledged every record of its body. A sender that repeats what was
answered otherwise, or not at all, loses nothing: at least once from end to end.
"""

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from connectors.kit.arrival import AnswersPayloads, Arrival, with_cursor
from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError
from connectors.kit.option_values import number_option, text_option
from connectors.kit.source import Accepted, Entry, Refused
from connectors.kit.transports.authority import AUTHORITY_OPTIONS, Authority, AuthorityConfig
from schemas.topics import CONNECTOR_CURSORS

PUSH_OPTIONS = AUTHORITY_OPTIONS | {
    "listen", "url_path", "max_body_bytes", "requests_waiting_max", "rate_per_s", "answer_within_s",
}  # fmt: skip
# A body that dribbles in slower than this is given up, seconds.
BODY_WITHIN_S = 10.0
ERRORS_SHOWN_MAX = 20
_ADDRESS = re.compile(r"([^\s:/]+|\[[0-9a-fA-F:]+\]):(\d{1,5})")
_PATH = re.compile(r"/[A-Za-z0-9._~/-]{0,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PushConfig:
    """Where and from whom pushes are taken.

    Attributes:
        host: address to listen on; only this machine by default.
        port: its port.
        url_path: the connector's own path.
        authority: how a sender shows who it is.
        max_body_bytes: longer bodies are answered with 413.
        requests_waiting_max: more requests at once are answered with 429.
        rate_per_s: requests a second, over a second; more are answered with 429.
        answer_within_s: what is not safe by then is answered with 503, seconds.
    """

    host: str = "127.0.0.1"
    port: int = 8480
    url_path: str
    authority: AuthorityConfig
    max_body_bytes: int = 1_048_576
    requests_waiting_max: int = 200
    rate_per_s: float = 100.0
    answer_within_s: float = 10.0

    @classmethod
    def from_options(cls, options: Mapping[str, Any], *, url_path: str) -> "PushConfig":
        """Return what the options of :data:`PUSH_OPTIONS` say.

        Args:
            options: the connector's options.
            url_path: the path where no option names one.

        Raises:
            ConnectorConfigError: an option is wrong, or none says how a sender shows who it is.
        """
        address = _ADDRESS.fullmatch(text_option(options, "listen", "127.0.0.1:8480"))
        if address is None or int(address.group(2)) > 65_535:
            raise ConnectorConfigError("option listen must be host:port")
        path = text_option(options, "url_path", "") or url_path
        if not _PATH.fullmatch(path):
            raise ConnectorConfigError("option url_path must start with / and hold letters, digits and ._~- only")
        authority = AuthorityConfig.from_options(options)
        if not (authority.token.is_named or authority.key.is_named):
            raise ConnectorConfigError("one of the options token_file, token_env, hmac_file and hmac_env is required")
        return cls(
            host=address.group(1).strip("[]"),
            port=int(address.group(2)),
            url_path=path,
            authority=authority,
            max_body_bytes=int(number_option(options, "max_body_bytes", 1_048_576, least=256, most=67_108_864)),
            requests_waiting_max=int(number_option(options, "requests_waiting_max", 200, least=1, most=10_000)),
            rate_per_s=number_option(options, "rate_per_s", 100.0, least=0.1, most=100_000),
            answer_within_s=number_option(options, "answer_within_s", 10.0, least=0.05, most=300),
        )


@dataclass(slots=True, eq=False)
class _Request:
    """A body that waits for its records to be safe; the outcome is whether they are."""

    body: bytes
    attributes: Mapping[str, str]
    outcome: "asyncio.Future[bool]"
    number: int = 0
    entries: Sequence[Entry] = field(default_factory=tuple)

    def settle(self, *, safe: bool) -> None:
        """Let its sender be answered, if it still waits."""
        if not self.outcome.done():
            self.outcome.set_result(safe)


class PushLink:
    """Pushes at work for one connector; the cursor is the number of bodies taken so far."""

    def __init__(self, config: PushConfig, connector: AnswersPayloads, context: ConnectorContext) -> None:
        self._config = config
        self._connector = connector
        self._context = context
        self._authority = Authority(config.authority)
        self._queue: asyncio.Queue[_Request] = asyncio.Queue(config.requests_waiting_max)
        # Every request that is not answered yet; those in ``_open`` have their records on the way.
        self._unanswered: set[_Request] = set()
        self._open: deque[_Request] = deque()
        self._allowance = max(1.0, config.rate_per_s)
        self._allowance_s = 0.0
        self._is_connected = False

    @property
    def is_connected(self) -> bool:
        """Return whether pushes are taken now."""
        return self._is_connected

    async def entries(self, cursor: str | None) -> AsyncGenerator[Entry, None]:
        """Yield the entries of the bodies that are pushed, for ever.

        Raises:
            SourceUnavailableError: the address cannot be listened on now.
            ConnectorConfigError: another connector has the path.
        """
        config, listeners = self._config, self._context.listeners
        number = int(cursor) if cursor is not None and cursor.isascii() and cursor.isdigit() else 0
        await listeners.join(config.host, config.port, config.url_path, self._handle)
        self._is_connected = True
        try:
            while True:
                request = await self._queue.get()
                if request.outcome.done():
                    continue  # its sender has given up or was told to send again
                number += 1
                arrival = Arrival(self._context.clock.now_us(), number, config.url_path, request.attributes)
                request.number, request.entries = number, self._connector.answers(request.body, arrival)
                if self._context.is_trial:
                    request.settle(safe=False)  # nothing of it will be kept: its sender is to send it again
                elif not request.entries:
                    self._settle_behind_others(request)
                    continue
                self._open.append(request)
                for entry in with_cursor(request.entries, str(number), str(number - 1)):
                    yield entry
        finally:
            self._is_connected = False
            for request in tuple(self._unanswered):
                request.settle(safe=False)
            await listeners.leave(config.host, config.port, config.url_path)

    def acknowledged(self, cursor: str) -> None:
        """Answer the senders of all bodies up to ``cursor``."""
        while self._open and self._open[0].number <= int(cursor):
            self._open.popleft().settle(safe=True)

    def _settle_behind_others(self, request: _Request) -> None:
        """Let a body that tells nothing be answered behind those on their way, one of which it may repeat."""
        if self._open:
            request.number = self._open[-1].number
            self._open.append(request)
        else:
            request.settle(safe=True)

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        config = self._config
        if request.method not in ("POST", "PUT"):
            return _problem(405, "send with POST", Allow="POST, PUT")
        if not self._authority.allows_head(request.headers):
            return self._refuse(401, "not allowed", "unauthorised")
        if not self._may_come() or len(self._unanswered) >= config.requests_waiting_max:
            return self._refuse(429, "too many requests", "too-many-requests", **{"Retry-After": "1"})
        body = await self._body(request)
        if body is None:
            return self._refuse(413, f"at most {config.max_body_bytes} bytes are read", "too-large")
        if not self._authority.allows_body(request.headers, body):
            return self._refuse(401, "not allowed", "unauthorised")
        return await self._answer(body, {"content-type": request.headers.get("Content-Type", "")})

    async def _answer(self, body: bytes, attributes: Mapping[str, str]) -> web.Response:
        waiting = _Request(body, attributes, asyncio.get_running_loop().create_future())
        self._unanswered.add(waiting)
        try:
            self._queue.put_nowait(waiting)
            safe = await asyncio.wait_for(asyncio.shield(waiting.outcome), self._config.answer_within_s)
        except (TimeoutError, asyncio.QueueFull):
            safe = False
        finally:
            waiting.settle(safe=False)
            self._unanswered.discard(waiting)
        if not safe:
            return _problem(503, "not safe yet, send again", **{"Retry-After": "2"})
        return _account(waiting.entries)

    async def _body(self, request: web.BaseRequest) -> bytes | None:
        """Return the body of a request; None where it is too long or too slow."""
        most = self._config.max_body_bytes
        if request.content_length is not None and request.content_length > most:
            return None
        body = bytearray()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BODY_WITHIN_S):
                async for part in request.content.iter_any():
                    body += part
                    if len(body) > most:
                        return None
                return bytes(body)
        return None

    def _may_come(self) -> bool:
        """Take one of the requests that this second still allows; return whether there was one."""
        now_s = asyncio.get_running_loop().time()
        most = max(1.0, self._config.rate_per_s)
        self._allowance = min(most, self._allowance + (now_s - self._allowance_s) * self._config.rate_per_s)
        self._allowance_s = now_s
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True

    def _refuse(self, status: int, message: str, finding: str, **headers: str) -> web.Response:
        self._connector.note(finding)
        return _problem(status, message, **headers)


def _problem(status: int, message: str, **headers: str) -> web.Response:
    return web.json_response({"error": message}, status=status, headers=headers)


def _account(entries: Sequence[Entry]) -> web.Response:
    """Return the answer to a body that is safe: what became of its entries, and what was wrong with the others."""
    refused = [entry for entry in entries if isinstance(entry, Refused)]
    # What the connector remembers of them is no business of the sender's.
    accepted = sum(isinstance(entry, Accepted) and entry.topic is not CONNECTOR_CURSORS for entry in entries)
    errors = [
        {"index": entry.number, "field": entry.field, "reason": entry.reason, "message": entry.message}
        for entry in refused[:ERRORS_SHOWN_MAX]
    ]
    counts = {"accepted": accepted, "refused": len(refused), "errors": errors}
    return web.json_response(counts, status=400 if refused and not accepted else 202)
