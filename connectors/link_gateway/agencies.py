"""Who may ask: the agencies, each with a token of its own."""

import hmac
import tomllib
from dataclasses import dataclass
from pathlib import Path

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.option_values import option_file_text
from connectors.kit.secrets import Secret
from connectors.kit.toml_fields import refuse_unknown_fields, text_field

AGENCIES_MAX = 200
TABLE_BYTES_MAX = 1_048_576
# As long as a random token of 96 bits in hexadecimal digits: shorter ones can be guessed.
TOKEN_CHARACTERS_MIN = 24
_FIELDS = frozenset({"name", "token_file", "token_env"})


@dataclass(frozen=True, slots=True)
class Agencies:
    """The agencies by token; tokens are in no text.

    Attributes:
        tokens: name and token of each.
    """

    tokens: tuple[tuple[str, bytes], ...]

    def __repr__(self) -> str:
        """Return who there is, without tokens."""
        return f"Agencies({', '.join(name for name, _ in self.tokens)})"

    def of(self, authorization: str) -> str | None:
        """Return whose token a header shows; None for nobody's. All are compared, each in constant time."""
        given = authorization.encode("utf-8", "replace")
        found = [name for name, token in self.tokens if hmac.compare_digest(given, b"Bearer " + token)]
        return found[0] if found else None


def read_agencies(path: Path) -> Agencies:
    """Return the agencies of a TOML file with ``[[agency]]`` tables: ``name`` and ``token_file`` or ``token_env``.

    Raises:
        ConnectorConfigError: the file or a token cannot be read or used; no token is in the message.
    """
    text = option_file_text("agencies", path, bytes_max=TABLE_BYTES_MAX)
    try:
        fields = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConnectorConfigError(f"option agencies cannot be read: {type(error).__name__}") from error
    refuse_unknown_fields(path.name, fields, frozenset({"agency"}))
    tables = fields.get("agency", [])
    if not isinstance(tables, list) or not 1 <= len(tables) <= AGENCIES_MAX:
        raise ConnectorConfigError(f"{path.name}: write 1 to {AGENCIES_MAX} [[agency]] tables")
    found: dict[str, bytes] = {}
    for number, table in enumerate(tables, start=1):
        where = f"{path.name}: agency {number}"
        refuse_unknown_fields(where, table, _FIELDS)
        name, token = text_field(where, table, "name"), Secret.from_options(table, "token").read()
        if token is None or len(token) < TOKEN_CHARACTERS_MIN:
            raise ConnectorConfigError(f"{where}: a token of {TOKEN_CHARACTERS_MIN} or more characters is required")
        if name in found or token.encode() in found.values():
            raise ConnectorConfigError(f"{where}: name and token must be its own")
        found[name] = token.encode()
    return Agencies(tuple(found.items()))
