"""A real HTTP server on a free loopback port, for what tests play outside."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

Answering = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class LoopbackServer:
    """Answers every request by one function, from ``start`` to ``stop``."""

    def __init__(self, answer: Answering) -> None:
        self._answer = answer
        self._runner: web.ServerRunner | None = None

    async def start(self) -> str:
        """Start on a free port; return the URL without a path."""
        self._runner = web.ServerRunner(
            web.Server(self._answer, access_log=None), handle_signals=False, shutdown_timeout=0.1
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop, if it was started."""
        if self._runner is not None:
            await self._runner.cleanup()


@asynccontextmanager
async def served(answer: Answering) -> AsyncIterator[str]:
    """Answer requests by a function for as long as the block runs; give the URL without a path."""
    server = LoopbackServer(answer)
    url = await server.start()
    try:
        yield url
    finally:
        await server.stop()
