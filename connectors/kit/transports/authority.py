"""Who may push: a bearer token or a signature of the body, compared in constant time."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.option_values import text_option
from connectors.kit.secrets import Secret

AUTHORITY_OPTIONS = frozenset({"token_file", "token_env", "hmac_file", "hmac_env", "hmac_header"})
# The form that GitHub, Meta and many after them use.
HMAC_HEADER = "X-Hub-Signature-256"
_HMAC_PREFIX = "sha256="


@dataclass(frozen=True, slots=True)
class AuthorityConfig:
    """How a sender shows who it is.

    Attributes:
        token: where the bearer token lies.
        key: where the key of the signatures lies.
        hmac_header: header with the signature, ``sha256=`` and hexadecimal digits.
    """

    token: Secret
    key: Secret
    hmac_header: str = HMAC_HEADER

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "AuthorityConfig":
        """Return what the options of :data:`AUTHORITY_OPTIONS` say.

        Raises:
            ConnectorConfigError: both or two places of a secret are given.
        """
        token, key = Secret.from_options(options, "token"), Secret.from_options(options, "hmac")
        if token.is_named and key.is_named:
            raise ConnectorConfigError("options token_* and hmac_* exclude each other")
        return cls(token, key, text_option(options, "hmac_header", HMAC_HEADER))


class Authority:
    """The secrets themselves, read once; they are in no text.

    Raises:
        ConnectorConfigError: a secret is not where the options say.
    """

    def __init__(self, config: AuthorityConfig) -> None:
        self._token = config.token.read()
        self._key = config.key.read()
        self._hmac_header = config.hmac_header

    @property
    def is_set(self) -> bool:
        """Return whether anything is asked of a sender."""
        return self._token is not None or self._key is not None

    def allows_head(self, headers: Mapping[str, str]) -> bool:
        """Return whether the headers of a request may be followed by its body; a signature is looked at later."""
        if self._token is None:
            return self._hmac_header in headers
        given = headers.get("Authorization", "")
        return hmac.compare_digest(given.encode("utf-8", "replace"), f"Bearer {self._token}".encode())

    def allows_body(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Return whether the body is the sender's own."""
        if self._key is None:
            return True
        given = headers.get(self._hmac_header, "")
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.signature(body).encode())

    def headers_for(self, body: bytes) -> dict[str, str]:
        """Return the headers that a call of ours carries, so that its receiver knows us."""
        if self._token is not None:
            return {"Authorization": f"Bearer {self._token}"}
        return {} if self._key is None else {self._hmac_header: self.signature(body)}

    def signature(self, body: bytes) -> str:
        """Return the signature of a body: HMAC-SHA-256 (RFC 2104) as ``sha256=<hex>``."""
        return _HMAC_PREFIX + hmac.new((self._key or "").encode(), body, hashlib.sha256).hexdigest()
