"""Records that another system shows at a URL, asked for again and again.

The cursor is a small JSON object with the mark (ETag), the time of change and the digest of the last body that is
safe, so that a body which did not change gives nothing, also after a restart.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import aiohttp

from connectors.kit.arrival import AnswersPayloads, Arrival, with_cursor
from connectors.kit.code_faults import code_fault
from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError, ConnectorError, EntryRefusedError, SourceUnavailableError
from connectors.kit.option_values import number_option, text_option
from connectors.kit.secrets import Secret
from connectors.kit.source import Accepted, Entry

POLL_OPTIONS = frozenset(
    {"url", "interval_s", "timeout_s", "max_body_bytes", "token_file", "token_env", "token_header"}
)
PAGES_MAX = 100
# A server that asks for a longer pause is asked again all the same, seconds.
RETRY_AFTER_MAX_S = 600.0
AUTHORIZATION = "Authorization"
USER_AGENT = "goldentime"


@dataclass(frozen=True, slots=True, kw_only=True)
class PollConfig:
    """Where is looked and how often.

    Attributes:
        url: http or https; ``{key}`` in it is replaced by the secret.
        interval_s: pause between two looks, seconds.
        timeout_s: what takes longer counts as no answer, seconds.
        max_body_bytes: a longer body counts as no answer.
        token: where the secret lies.
        token_header: header that carries it: ``Authorization`` as a bearer token, any other as it is.
    """

    url: str
    interval_s: float = 60.0
    timeout_s: float = 20.0
    max_body_bytes: int = 16_777_216
    token: Secret
    token_header: str = AUTHORIZATION

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "PollConfig":
        """Return what the options of :data:`POLL_OPTIONS` say.

        Raises:
            ConnectorConfigError: an option is wrong.
        """
        url = text_option(options, "url")
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise ConnectorConfigError("option url must start with http:// or https:// and name a host")
        token = Secret.from_options(options, "token")
        if "{key}" in url and not token.is_named:
            raise ConnectorConfigError("option url has {key} in it, so token_file or token_env is required")
        return cls(
            url=url,
            interval_s=number_option(options, "interval_s", 60.0, least=0.01, most=86_400),
            timeout_s=number_option(options, "timeout_s", 20.0, least=0.05, most=600),
            max_body_bytes=int(number_option(options, "max_body_bytes", 16_777_216, least=256, most=268_435_456)),
            token=token,
            token_header=text_option(options, "token_header", AUTHORIZATION),
        )


@dataclass(frozen=True, slots=True)
class _Mark:
    """What tells a body from the one before; the cursor holds it."""

    number: int = 0
    etag: str = ""
    modified: str = ""
    digest: str = ""

    @classmethod
    def of(cls, cursor: str | None) -> "_Mark":
        try:
            fields = json.loads(cursor) if cursor else {}
            return cls(int(fields.get("n", 0)), *(str(fields.get(name, "")) for name in ("etag", "modified", "digest")))
        except (ValueError, AttributeError, TypeError) as error:
            raise ConnectorConfigError("the stored cursor is none of this connector; reset it to start anew") from error

    @property
    def cursor(self) -> str:
        """Return the position after the body; empty before the first."""
        if not self.number:
            return ""
        fields = {"n": self.number, "etag": self.etag, "modified": self.modified, "digest": self.digest}
        return json.dumps(fields)


class PollLink:
    """Looks at a URL for one connector."""

    def __init__(self, config: PollConfig, connector: AnswersPayloads, context: ConnectorContext) -> None:
        self._config = config
        self._connector = connector
        self._clock = context.clock
        self._looks_once = context.is_trial
        secret = config.token.read()
        in_url = "{key}" in config.url
        self._url = config.url.replace("{key}", quote(secret or "", safe="%")) if in_url else config.url
        bearer = "Bearer " if config.token_header == AUTHORIZATION else ""
        self._headers = {} if secret is None or in_url else {config.token_header: bearer + secret}
        # For messages: a query may hold the secret.
        self._where = f"{urlsplit(config.url).hostname}"
        # Event ids of the last body, so that what is still shown is not published at every look.
        self._seen: set[str] = set()
        self._is_connected = False

    @property
    def is_connected(self) -> bool:
        """Return whether the server has answered in this reading."""
        return self._is_connected

    def acknowledged(self, cursor: str) -> None:
        """Nothing to do: the server keeps showing what it shows."""

    async def entries(self, cursor: str | None) -> AsyncGenerator[Entry, None]:
        """Yield what is new at the URL, for ever; in a trial what is there now.

        Raises:
            SourceUnavailableError: the server does not answer, or not as it should.
        """
        mark = _Mark.of(cursor)
        self._seen.clear()  # what was on its way and got lost must come again
        timeout = aiohttp.ClientTimeout(total=self._config.timeout_s)
        async with aiohttp.ClientSession(timeout=timeout, headers={"User-Agent": USER_AGENT}) as session:
            while True:
                found = await self._look(session, mark)
                self._is_connected = True
                if found is not None:
                    before = mark.cursor
                    mark, entries = found
                    for entry in with_cursor(self._new(entries), mark.cursor, before):
                        yield entry
                if self._looks_once:
                    return
                await asyncio.sleep(self._config.interval_s)

    async def _look(self, session: aiohttp.ClientSession, mark: _Mark) -> tuple[_Mark, list[Entry]] | None:
        """Return the new mark and all entries of the pages; None where nothing changed."""
        conditions = {"If-None-Match": mark.etag, "If-Modified-Since": mark.modified}
        first = await self._get(session, self._url, {name: value for name, value in conditions.items() if value})
        if first is None:
            return None
        body, headers = first
        digest = hashlib.sha256(body).hexdigest()
        new = _Mark(mark.number + 1, headers.get("ETag", ""), headers.get("Last-Modified", ""), digest)
        entries: list[Entry] = []
        url, pages = self._url, 1
        while True:
            arrival = self._arrival(url, headers, new.number)
            following = self._following(body, arrival)
            if pages == 1 and following is None and digest == mark.digest:
                return None  # the first page of several may stay while later ones change
            entries += self._connector.answers(body, arrival)
            if following is None:
                return new, entries
            pages += 1
            url = self._followed(url, following, pages)
            page = await self._get(session, url, {})
            if page is None:
                return new, entries
            body, headers = page

    def _following(self, body: bytes, arrival: Arrival) -> str | None:
        """Return where the next page lies; None behind a page that is none, which its own answer refuses."""
        try:
            return self._connector.next_url(body, arrival)
        except EntryRefusedError:
            return None
        except ConnectorError:
            raise
        except Exception as error:
            raise code_fault(error) from error

    def _arrival(self, url: str, headers: Mapping[str, str], number: int) -> Arrival:
        parts = urlsplit(url)
        attributes = {"content-type": headers.get("Content-Type", "")}
        return Arrival(self._clock.now_us(), number, f"{parts.scheme}://{parts.netloc}{parts.path}", attributes)

    def _followed(self, url: str, following: str, pages: int) -> str:
        target = urljoin(url, following)
        if urlsplit(target)[:2] != urlsplit(url)[:2] or pages > PAGES_MAX:
            raise SourceUnavailableError(f"{self._where}: pages must lie on one server and be at most {PAGES_MAX}")
        return target

    async def _get(
        self, session: aiohttp.ClientSession, url: str, conditions: Mapping[str, str]
    ) -> tuple[bytes, Mapping[str, str]] | None:
        """Return body and headers; None where the server says that nothing changed."""
        try:
            async with session.get(url, headers={**self._headers, **conditions}, allow_redirects=False) as answer:
                if answer.status == 304:
                    return None
                if answer.status != 200:
                    await self._wait_as_asked(answer)
                    raise SourceUnavailableError(f"{self._where} answers {answer.status}, expected 200")
                return await self._body(answer), answer.headers
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            # The error's own text may hold the URL and with it the secret.
            raise SourceUnavailableError(f"{self._where} does not answer: {type(error).__name__}") from None

    async def _body(self, answer: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for part in answer.content.iter_any():
            body += part
            if len(body) > self._config.max_body_bytes:
                self._connector.note("too-large")
                raise SourceUnavailableError(f"{self._where} sends over {self._config.max_body_bytes} bytes")
        return bytes(body)

    async def _wait_as_asked(self, answer: aiohttp.ClientResponse) -> None:
        text = answer.headers.get("Retry-After", "")
        if answer.status in (429, 503) and text.isascii() and text.isdigit():
            await asyncio.sleep(min(float(text), RETRY_AFTER_MAX_S))

    def _new(self, entries: Sequence[Entry]) -> list[Entry]:
        """Return the entries without those that the body before held already."""
        seen: set[str] = set()
        new = []
        for entry in entries:
            event_id = getattr(entry.record, "event_id", None) if isinstance(entry, Accepted) else None
            if event_id is not None:
                seen.add(event_id)
                if event_id in self._seen:
                    continue
            new.append(entry)
        self._seen = seen
        return new
