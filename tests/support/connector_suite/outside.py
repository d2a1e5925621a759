"""The outside of a sink, for tests: a real HTTP server that can refuse, fail and hang, and shows what it took."""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from aiohttp import web

from tests.support.loopback import LoopbackServer

IDEMPOTENCY_HEADER = "Idempotency-Key"


class HttpOutside:
    """A server that takes calls once per idempotency key; use it as an async context manager.

    Attributes:
        options: what leads a sink here: ``url``, and more where the test adds it.
        bodies: bodies of the calls it took, in their order.
        headers: their headers.
        paths: their methods and paths.
        calls: how many calls came, taken or not.
        status: what it answers to a call that it takes.
    """

    def __init__(self, *, status: int = 200, answer: bytes = b"{}", **options: Any) -> None:
        self.options: dict[str, Any] = dict(options)
        self.bodies: list[bytes] = []
        self.headers: list[Mapping[str, str]] = []
        self.paths: list[str] = []
        self.calls = 0
        self.status = status
        self._answer = answer
        self._failures: list[int | None] = []
        self._retry_after = ""
        self._lost = 0
        self._hangs = False
        self._keys: set[str] = set()
        self._server = LoopbackServer(self._take)

    async def __aenter__(self) -> "HttpOutside":
        """Start the server on a free port."""
        self.options["url"] = await self._server.start() + "/hook"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server."""
        await self._server.stop()

    def taken(self) -> list[Any]:
        """Return what it holds; a repeat under a known key adds nothing."""
        return list(self.bodies)

    def fail(self, times: int, status: int = 503, *, after: int = 0, retry_after: str = "") -> None:
        """Answer the next calls with an error, after so many that are taken; say when to try again, if anything."""
        self._retry_after = retry_after
        self._failures += [None] * after + [status] * times

    def lose_answers(self, times: int) -> None:
        """Take the next calls, and answer as a gateway does that lost what the receiver said."""
        self._lost = times

    def mend(self) -> None:
        """Take calls again."""
        self._failures.clear()

    def hang(self) -> None:
        """Answer nothing from now on."""
        self._hangs = True

    async def _take(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        self.calls += 1
        if self._hangs:
            await asyncio.sleep(60)
        failure = self._failures.pop(0) if self._failures else None
        if failure is not None:
            return web.Response(status=failure, headers={"Retry-After": self._retry_after} if self._retry_after else {})
        key = request.headers.get(IDEMPOTENCY_HEADER, "")
        if not key or key not in self._keys:
            self._keys.add(key)
            self.bodies.append(body)
            self.headers.append(dict(request.headers))
            self.paths.append(f"{request.method} {request.path}")
        if self._lost:
            self._lost -= 1
            return web.Response(status=504)
        return web.Response(status=self.status, body=self._answer)
