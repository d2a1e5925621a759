"""One HTTP server for all connectors of a process: each joins with a path and leaves it again."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from connectors.kit.errors import ConnectorConfigError, SourceUnavailableError

Handler = Callable[[web.BaseRequest], Awaitable[web.Response]]

# A stop must end within 2 s, with whatever senders are still connected.
SHUTDOWN_S = 0.3
KEEP_ALIVE_S = 30.0
HEADER_BYTES_MAX = 8_190


class HttpListeners:
    """The HTTP servers of a process by address; a server runs while at least one path is joined."""

    def __init__(self) -> None:
        self._servers: dict[tuple[str, int], _Server] = {}
        self._changing = asyncio.Lock()
        # By address, paths that connectors of this process have or will have: their senders hear "not now" meanwhile.
        self._known: dict[tuple[str, int], set[str]] = {}

    def expect(self, host: str, port: int, path: str) -> None:
        """Take note that a path will be joined; until then its senders hear "not now" and not "never"."""
        self._known.setdefault((host, port), set()).add(path)

    async def join(self, host: str, port: int, path: str, handler: Handler) -> None:
        """Let ``handler`` answer the requests to a path.

        Args:
            host: address to listen on.
            port: its port; 0 takes a free one.
            path: what comes after host and port, with a slash in front.
            handler: answers a request; what it raises is answered with 500.

        Raises:
            ConnectorConfigError: another connector has the path.
            SourceUnavailableError: the address cannot be listened on now.
        """
        async with self._changing:
            server = self._servers.get((host, port))
            if server is None:
                server = _Server(self._known.setdefault((host, port), set()))
                try:
                    await server.start(host, port)
                except OSError as error:
                    reason = error.strerror or type(error).__name__
                    raise SourceUnavailableError(f"cannot listen on {host}:{port}: {reason}") from error
                self._servers[host, port] = server
            if path in server.handlers:
                raise ConnectorConfigError(f"two connectors listen on {host}:{port}{path}; give one another url_path")
            server.handlers[path] = handler
            self.expect(host, port, path)

    async def leave(self, host: str, port: int, path: str) -> None:
        """Stop answering a path; the last one to leave ends the server."""
        async with self._changing:
            server = self._servers.get((host, port))
            if server is None:
                return
            server.handlers.pop(path, None)
            if not server.handlers:
                del self._servers[host, port]
                await server.stop()

    def port_of(self, host: str, port: int) -> int | None:
        """Return the port that is really listened on, which differs for port 0; None while there is no server."""
        server = self._servers.get((host, port))
        return None if server is None else server.port


class _Server:
    """A server on one address; ``known`` holds paths that are joined now and then."""

    def __init__(self, known: set[str]) -> None:
        self.handlers: dict[str, Handler] = {}
        self._known = known
        self.port = 0
        self._runner: web.ServerRunner | None = None

    async def start(self, host: str, port: int) -> None:
        server = web.Server(
            self._answer,
            keepalive_timeout=KEEP_ALIVE_S,
            max_field_size=HEADER_BYTES_MAX,
            access_log=None,
        )
        runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self.port = int(runner.addresses[0][1])

    async def stop(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        handler = self.handlers.get(request.path)
        if handler is not None:
            return await handler(request)
        if request.path in self._known:
            return web.json_response({"error": "not now"}, status=503, headers={"Retry-After": "5"})
        return web.json_response({"error": "no connector listens here"}, status=404)
