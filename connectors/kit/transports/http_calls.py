"""Calls over HTTP for sinks: signed, bounded in time, repeatable without harm, and told apart by what to do next."""

import hashlib
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp

from connectors.kit.errors import ConnectorConfigError, SinkUnavailableError
from connectors.kit.option_values import number_option, text_option
from connectors.kit.transports.authority import AUTHORITY_OPTIONS, Authority, AuthorityConfig

CALL_OPTIONS = AUTHORITY_OPTIONS | {"url", "timeout_s"}
# draft-ietf-httpapi-idempotency-key-header: a receiver that knows the key answers without doing it twice.
IDEMPOTENCY_HEADER = "Idempotency-Key"
# Longer ones are refused by servers with narrow headers, and by columns in which receivers keep them.
KEY_CHARACTERS_MAX = 255
_KEY_CHARACTERS = "".join(sorted(set(string.punctuation) - set('%"\\')))
# An answer says that it was taken; what is longer is cut off.
ANSWER_BYTES_MAX = 65_536
# A receiver is left alone for as long as it asks (Retry-After, RFC 9110), seconds at most.
RETRY_AFTER_MAX_S = 600.0
# Answers that ask for another try: time-out, too early, too many requests (RFC 9110, 8470, 6585).
_AGAIN = frozenset({408, 425, 429})
# Answers about the caller, not about what it says (RFC 9110): the token or key is wrong or old, or a proxy's is. One
# that sends elsewhere (3xx) says that of the address.
_CALLER_REFUSED = frozenset({401, 403, 407})


@dataclass(frozen=True, slots=True)
class CallsConfig:
    """Where is called and how the caller shows who it is.

    Attributes:
        url: http or https, without a query.
        authority: token or key of signatures; may be neither.
        timeout_s: what takes longer is called again, seconds.
    """

    url: str
    authority: AuthorityConfig
    timeout_s: float = 10.0

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "CallsConfig":
        """Return what the options of :data:`CALL_OPTIONS` say.

        Raises:
            ConnectorConfigError: an option is missing or wrong.
        """
        url = text_option(options, "url")
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise ConnectorConfigError("option url must start with http:// or https:// and name a host")
        timeout_s = number_option(options, "timeout_s", 10.0, least=0.05, most=300)
        return cls(url, AuthorityConfig.from_options(options), timeout_s)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other system said.

    Attributes:
        status: the HTTP status.
        body: the first :data:`ANSWER_BYTES_MAX` bytes.
    """

    status: int
    body: bytes = b""

    @property
    def refused(self) -> bool:
        """Return whether the call was understood and not taken: calling again would change nothing."""
        return self.status >= 400


class HttpCalls:
    """Calls to one system, over connections that are kept.

    Raises:
        ConnectorConfigError: a secret is not where the options say.
    """

    def __init__(self, config: CallsConfig) -> None:
        self._config = config
        self._authority: Authority | None = None
        self._was_refused = False
        self._session: aiohttp.ClientSession | None = None
        self._where = urlsplit(config.url).hostname

    async def send(
        self,
        body: bytes,
        *,
        idempotency_key: str = "",
        content_type: str = "application/json",
        method: str = "POST",
        path: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a body and return the answer.

        Args:
            body: the bytes.
            idempotency_key: the same for the same content, so that a repeat does no harm.
            content_type: what the body is.
            method: the HTTP method.
            path: what comes after the configured URL.
            headers: further headers.

        Raises:
            SinkUnavailableError: there is no answer, or one that asks to try again or sends elsewhere, or the caller is
                refused: a person, or whoever renews the token, must mend that, and the secret is read anew at the next
                try.
            ConnectorConfigError: a secret is not where the options say, at the first call.
        """
        sent = {"Content-Type": content_type, **self._known_authority().headers_for(body), **(headers or {})}
        if idempotency_key:
            sent[IDEMPOTENCY_HEADER] = header_key(idempotency_key)
        url = self._config.url.rstrip("/") + path if path else self._config.url
        try:
            async with self._opened().request(method, url, data=body, headers=sent, allow_redirects=False) as answer:
                content = await answer.content.read(ANSWER_BYTES_MAX)
                status, wait_s = answer.status, _wait_s(answer.headers.get("Retry-After", ""))
        except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
            # The error's own text may hold the URL and what stands in it.
            raise SinkUnavailableError(f"{self._where} does not answer: {type(error).__name__}") from None
        if status in _CALLER_REFUSED:
            self._authority, self._was_refused = None, True
        if status in _CALLER_REFUSED or 300 <= status < 400:
            raise SinkUnavailableError(f"{self._where} answers {status}: token or address must be mended")
        if status >= 500 or status in _AGAIN:
            asked = f" and asks to be left alone for {wait_s:g} s" if wait_s else ""
            raise SinkUnavailableError(f"{self._where} answers {status}{asked}", wait_s=wait_s)
        return Answer(status, content)

    async def close(self) -> None:
        """Free the connections; safe to call twice."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _known_authority(self) -> Authority:
        """Return how the caller shows who it is; after it was refused, as its file says now.

        Raises:
            SinkUnavailableError: the secret is not there in this moment: whoever renews it may be about to write it.
            ConnectorConfigError: it is not there at the first call.
        """
        if self._authority is None:
            try:
                self._authority = Authority(self._config.authority)
            except ConnectorConfigError as error:
                if not self._was_refused:
                    raise
                raise SinkUnavailableError(f"{self._where} does not let us in, and {error}") from error
        return self._authority

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self._config.timeout_s)
            self._session = aiohttp.ClientSession(timeout=timeout, headers={"User-Agent": "goldentime"})
        return self._session


def _wait_s(text: str) -> float:
    """Return the seconds of a Retry-After; 0 for none, or for a date, which needs a clock that agrees with ours."""
    return min(float(text), RETRY_AFTER_MAX_S) if text.isascii() and text.isdigit() else 0.0


def header_key(key: str) -> str:
    """Return an idempotency key as a header can carry it: printable ASCII, the rest in percent; a long one's digest."""
    safe = quote(key, safe=_KEY_CHARACTERS, errors="surrogatepass")
    if len(safe) <= KEY_CHARACTERS_MAX:
        return safe
    return f"sha256:{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()}"


def require_secret(config: CallsConfig) -> None:
    """Make sure that a system which must not be called by just anybody is called with a token or signature.

    Raises:
        ConnectorConfigError: no option names either.
    """
    if not (config.authority.token.is_named or config.authority.key.is_named):
        raise ConnectorConfigError("one of the options token_file, token_env, hmac_file and hmac_env is required")
