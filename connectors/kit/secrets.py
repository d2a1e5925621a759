"""Secrets of connectors: they lie in a file or an environment variable, and only the place is an option."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.option_values import text_option
from connectors.kit.settings import environment_secret

# Longer than any key or token; a wrong path must not be read whole.
SECRET_BYTES_MAX = 16_384


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret lies; it is read when it is needed and is in no text.

    Attributes:
        name: first part of the option names, e.g. ``token`` for ``token_file`` and ``token_env``.
        file: the file whose first line it is; empty for none.
        env: the environment variable that holds it; empty for none.
    """

    name: str
    file: str = ""
    env: str = ""

    @classmethod
    def from_options(cls, options: Mapping[str, Any], name: str) -> "Secret":
        """Return where the options ``<name>_file`` and ``<name>_env`` say the secret is.

        Raises:
            ConnectorConfigError: both are given.
        """
        secret = cls(name, text_option(options, f"{name}_file", ""), text_option(options, f"{name}_env", ""))
        if secret.file and secret.env:
            raise ConnectorConfigError(f"option {name}_env and option {name}_file exclude each other")
        return secret

    @property
    def is_named(self) -> bool:
        """Return whether an option names a place."""
        return bool(self.file or self.env)

    def read(self) -> str | None:
        """Return the secret; None where no option names a place.

        Raises:
            ConnectorConfigError: it is not there or empty; the secret itself is in no message.
        """
        if self.env:
            value = environment_secret(self.env)
            if not value:
                raise ConnectorConfigError(f"option {self.name}_env names {self.env}, which is not set")
            return value
        if not self.file:
            return None
        try:
            with Path(self.file).expanduser().open("rb") as file:
                lines = file.read(SECRET_BYTES_MAX).decode("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ConnectorConfigError(f"option {self.name}_file cannot be read: {type(error).__name__}") from error
        if not lines or not lines[0].strip():
            raise ConnectorConfigError(f"option {self.name}_file must name a file whose first line is the secret")
        return lines[0].strip()
