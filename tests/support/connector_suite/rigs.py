"""The outside of a source, for tests: each rig tells happenings by the connector's real transport."""

import asyncio
import contextlib
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import aiohttp
from aiohttp import web

from connectors.kit.manifest import Manifest
from connectors.kit.payloads import PayloadSource
from connectors.kit.transports.mqtt import MqttLink
from connectors.kit.transports.mqtt_session import MqttConfig
from tests.support.connector_suite.happenings import Happening, Samples
from tests.support.loopback import LoopbackServer

TOKEN = "token-of-the-suite-7c1e"
RETRY_S = 0.01


class Rig(Protocol):
    """The outside of a source."""

    options: dict[str, Any]

    def attach(self, source: Any) -> None:
        """Lead a fresh source to this outside."""

    async def tell(self, happenings: Sequence[Happening]) -> None:
        """Tell happenings, as often as the transport's own rules ask for."""

    async def close(self) -> None:
        """Free what the rig holds."""


def rig_for(manifest: Manifest, samples: Samples, folder: Path) -> Rig:
    """Return the rig of a connector's transport."""
    token_file = folder / "token"
    token_file.write_text(TOKEN)
    chosen = samples.options.get("transport") or (manifest.transports[0] if manifest.transports else "files")
    if chosen == "http-push":
        return PushRig(samples, token_file)
    if chosen == "http-poll":
        return PollRig(samples, token_file)
    if chosen == "mqtt":
        return MqttRig(samples)
    if chosen == "file-drop":
        return DropRig(samples, folder)
    return FileRig(samples, folder)


class FileRig:
    """One file with all happenings, there before the source starts."""

    def __init__(self, samples: Samples, folder: Path) -> None:
        self._samples = samples
        self._path = folder / (samples.origin or "sample.csv")
        self.options = {"path": str(self._path)}
        self._path.write_bytes(samples.together([Happening()]))

    def attach(self, source: Any) -> None:
        """Nothing to do: the option names the file."""

    async def tell(self, happenings: Sequence[Happening]) -> None:
        """Write the file."""
        self._path.write_bytes(self._samples.together(happenings))

    async def close(self) -> None:
        """Nothing to free."""


class _Dropped:
    """The files of a folder that were not put away yet: true while there are any."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __bool__(self) -> bool:
        return any(path.is_file() for path in self._folder.iterdir())


class DropRig:
    """Another system that drops a whole file per happening, finished before it has its name."""

    def __init__(self, samples: Samples, folder: Path) -> None:
        self._samples = samples
        self._folder = folder / "dropped"
        self._folder.mkdir()
        self.kept = _Dropped(self._folder)
        self.options: dict[str, Any] = {"folder": str(self._folder), "settle_s": 0, "look_every_s": 0.01}

    def attach(self, source: Any) -> None:
        """Nothing to do: the option names the folder."""

    async def tell(self, happenings: Sequence[Happening]) -> None:
        """Drop a file per happening."""
        for number, happening in enumerate(happenings):
            part = self._folder / f"{number:04d}.xml.part"
            part.write_bytes(self._samples.write(happening))
            part.rename(part.with_suffix(""))

    async def close(self) -> None:
        """Nothing to free."""


class PushRig:
    """A sender that repeats what was not answered with 202 or 400."""

    def __init__(self, samples: Samples, token_file: Path) -> None:
        self._samples = samples
        self.options = {"listen": "127.0.0.1:0", "token_file": str(token_file), "rate_per_s": 10_000}
        for name in ("token_env", "hmac_env", "hmac_file"):
            if name in samples.options:
                self.options[name] = ""
        self._source: PayloadSource | None = None
        self.statuses: list[int] = []

    def attach(self, source: PayloadSource) -> None:
        """Send to this source from now on."""
        self._source = source

    async def tell(self, happenings: Sequence[Happening]) -> None:
        """Send each happening until it is safe."""
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session:
            for happening in happenings:
                while not await self._sent(session, self._samples.write(happening)):
                    await asyncio.sleep(RETRY_S)

    async def _sent(self, session: aiohttp.ClientSession, body: bytes) -> bool:
        source = self._source
        assert source is not None
        config: Any = source._transport
        port = source.context.listeners.port_of("127.0.0.1", 0)
        if port is None:
            return False
        with contextlib.suppress(aiohttp.ClientError):
            async with session.post(f"http://127.0.0.1:{port}{config.url_path}", data=body) as answer:
                self.statuses.append(answer.status)
                return answer.status in (202, 400)
        return False

    async def close(self) -> None:
        """Nothing to free."""


class PollRig:
    """A real server that shows all happenings, and knows ETags."""

    def __init__(self, samples: Samples, token_file: Path) -> None:
        self._samples = samples
        self._body = b""
        self._server = LoopbackServer(self._answer)
        self._folder = token_file
        self.down = 0
        self.requests: list[Mapping[str, str]] = []
        self.options: dict[str, Any] = {"url": "http://127.0.0.1:9/feed", "interval_s": 0.01}
        if any(name in samples.options for name in ("token_env", "token_file")):
            self.options |= {"token_file": str(token_file), "token_env": ""}

    def attach(self, source: Any) -> None:
        """Nothing to do: the option names the server."""

    async def start(self) -> None:
        """Start the server; its address is in the options."""
        self.options["url"] = await self._server.start() + "/feed"

    async def tell(self, happenings: Sequence[Happening]) -> None:
        """Show these happenings from now on."""
        self._body = self._samples.together(happenings)

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        self.requests.append(dict(request.headers))
        if self.down:
            self.down -= 1
            return web.Response(status=503)
        etag = hashlib.sha256(self._body).hexdigest()
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304)
        return web.Response(body=self._body, headers={"ETag": etag})

    async def close(self) -> None:
        """Stop the server."""
        await self._server.stop()


@dataclass
class _Message:
    topic: str
    payload: bytes
    mid: int
    qos: int = 1


class MqttRig:
    """What an MQTT broker does for a persistent session: it sends again what was not acknowledged."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self.options: dict[str, Any] = {"host": "127.0.0.1"}
        self.kept: deque[_Message] = deque()
        self._sessions: list[_Session] = []
        self._mid = 0

    def attach(self, source: Any) -> None:
        """Let the source's subscription come here."""
        source._linked = lambda: MqttLink(source._transport, source, source.context, open_session=self._open)

    def _open(self, config: MqttConfig, keep: bool) -> Any:
        del config, keep
        session = _Session(self.kept)
        self._sessions.append(session)
        return session

    async def tell(self, happenings: Sequence[Happening]) -> None:
        """Publish a message per happening."""
        for happening in happenings:
            self._mid += 1
            message = _Message(self._samples.origin or "suite/1", self._samples.write(happening), self._mid)
            self.kept.append(message)
            for session in self._sessions[-1:]:
                session.queue.put_nowait(message)

    async def close(self) -> None:
        """Nothing to free."""


class _Session:
    def __init__(self, kept: deque[_Message]) -> None:
        self.queue: asyncio.Queue[_Message] = asyncio.Queue()
        self.timeout = 1.0
        self._kept = kept
        self._numbers: deque[tuple[int, _Message]] = deque()

    async def __aenter__(self) -> "_Session":
        for message in self._kept:
            self.queue.put_nowait(message)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.queue = asyncio.Queue()

    async def subscribe(self, filters: Sequence[Any]) -> list[int]:
        return [1 for _ in filters]

    @property
    def messages(self) -> AsyncIterator[_Message]:
        return self._messages()

    async def _messages(self) -> AsyncIterator[_Message]:
        while True:
            yield await self.queue.get()

    def received(self, number: int, message: _Message) -> None:
        self._numbers.append((number, message))

    def settle(self, first: int, last: int) -> None:
        del first
        while self._numbers and self._numbers[0][0] <= last:
            _, message = self._numbers.popleft()
            with contextlib.suppress(ValueError):
                self._kept.remove(message)
