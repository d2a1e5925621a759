"""Person and tracker ids become keyed pseudonyms at the door; nothing inside can turn them back.

A pseudonym is ``s:`` and 24 characters: HMAC-SHA256 of scheme and id, cut to 120 bits, in base 32. Two of ten million
people share one with odds of 10^14 / 2^121, less than 10^-22. The scheme (``phone``, ``tracker``, ``welfare-id``) keeps
equal ids of different systems apart.

The key rotates: a deployment names the new key and, for as long as cases of the old one are open, the previous one.
New records carry the new key's pseudonym; :meth:`Pseudonyms.candidates` gives both, to find what was written before.
"""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

from connectors.kit.errors import ConnectorConfigError

PREFIX = "s:"
# 15 bytes are 24 base-32 characters without padding; see the odds above.
PSEUDONYM_BYTES = 15
# As long as the hash: a shorter key is the weakest part (RFC 2104, section 3).
MIN_KEY_BYTES = 32
_SCHEME = re.compile(r"[a-z][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Makes pseudonyms with one key; knows the key before it.

    Attributes:
        key: at least 32 bytes; None where a deployment has none, then every use raises.
        previous_key: the key before the last rotation, while its pseudonyms still matter.
    """

    key: bytes | None = field(repr=False)
    previous_key: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name, key in (("key", self.key), ("previous key", self.previous_key)):
            if key is not None and len(key) < MIN_KEY_BYTES:
                raise ConnectorConfigError(f"pseudonym {name} must have {MIN_KEY_BYTES} bytes or more, got {len(key)}")
        if self.key is None and self.previous_key is not None:
            raise ConnectorConfigError("a previous pseudonym key is set without a present one")

    @classmethod
    def without_key(cls) -> "Pseudonyms":
        """Return pseudonyms that refuse every use, for deployments whose connectors see no person's id."""
        return cls(None)

    @classmethod
    def ephemeral(cls) -> "Pseudonyms":
        """Return pseudonyms under a random key that is gone with the process: for demonstrations and tests only."""
        return cls(secrets.token_bytes(MIN_KEY_BYTES))

    def require_key(self) -> None:
        """Make sure that there is a key; connectors that see person ids call this when they are built.

        Raises:
            ConnectorConfigError: there is none.
        """
        if self.key is None:
            raise ConnectorConfigError(
                "no pseudonym key: set GOLDENTIME_PSEUDONYM_KEY_FILE to a file with at least "
                f"{MIN_KEY_BYTES} random bytes (or GOLDENTIME_PSEUDONYM_KEY); without it person ids cannot be read"
            )

    def of(self, scheme: str, identifier: str) -> str:
        """Return the pseudonym of an id under the present key.

        Args:
            scheme: the kind of id, kebab-case, e.g. ``tracker``.
            identifier: the id in its one normal form (the caller strips spaces and dashes).

        Raises:
            ConnectorConfigError: there is no key.
            ValueError: the scheme is not kebab-case or the id is empty; the id is not repeated in the message.
        """
        self.require_key()
        return _pseudonym(self.key or b"", scheme, identifier)

    def candidates(self, scheme: str, identifier: str) -> tuple[str, ...]:
        """Return the pseudonyms that may stand for an id: the present key's, then the previous key's."""
        present = self.of(scheme, identifier)
        if self.previous_key is None:
            return (present,)
        return (present, _pseudonym(self.previous_key, scheme, identifier))


def _pseudonym(key: bytes, scheme: str, identifier: str) -> str:
    if not _SCHEME.fullmatch(scheme):
        raise ValueError(f"scheme must be kebab-case of at most 32 characters, got {scheme!r}")
    if not identifier:
        raise ValueError(f"an id of scheme {scheme} must not be empty")
    # A scheme holds no zero byte, so two pairs never give the same message.
    digest = hmac.new(key, scheme.encode() + b"\x00" + identifier.encode(), hashlib.sha256).digest()
    return PREFIX + base64.b32encode(digest[:PSEUDONYM_BYTES]).decode("ascii").lower()
