"""The options of the OwnTracks connector."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.errors import ConnectorConfigError
from connectors.option_values import (
    choice_option,
    flag_option,
    names_option,
    number_option,
    refuse_unknown,
    text_option,
)
from connectors.owntracks.parse import ALL_ZONES
from connectors.settings import environment_secret

HANDED_OVER, PUBLISHED = "handed-over", "published"


@dataclass(frozen=True, slots=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    host: str
    port: int = 1883
    client_id: str = "goldentime-owntracks"
    topic_root: str = "owntracks"
    username: str = ""
    password_file: str = ""
    password_env: str = ""
    tls: bool = False
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    qos: int = 1
    keepalive_s: int = 30
    acknowledge: str = PUBLISHED
    max_payload_bytes: int = 16_384
    safe_zones: tuple[str, ...] = (ALL_ZONES,)
    default_accuracy_m: float = 100.0
    future_tolerance_s: float = 300.0
    no_contact_alerts: bool = True

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that the options make.

        Raises:
            ConnectorConfigError: an option is missing, wrong or unknown; the message names it.
        """
        refuse_unknown(options, frozenset(cls.__slots__))
        tls = flag_option(options, "tls", default=False)
        config = cls(
            host=text_option(options, "host"),
            port=int(number_option(options, "port", 8883 if tls else 1883, least=1, most=65_535)),
            client_id=text_option(options, "client_id", "goldentime-owntracks"),
            topic_root=text_option(options, "topic_root", "owntracks").strip("/"),
            username=text_option(options, "username", ""),
            password_file=text_option(options, "password_file", ""),
            password_env=text_option(options, "password_env", ""),
            tls=tls,
            ca_file=text_option(options, "ca_file", ""),
            certificate_file=text_option(options, "certificate_file", ""),
            key_file=text_option(options, "key_file", ""),
            qos=int(number_option(options, "qos", 1, least=0, most=1)),
            keepalive_s=int(number_option(options, "keepalive_s", 30, least=5, most=3600)),
            acknowledge=choice_option(options, "acknowledge", PUBLISHED, (HANDED_OVER, PUBLISHED)),
            max_payload_bytes=int(number_option(options, "max_payload_bytes", 16_384, least=256, most=1_048_576)),
            safe_zones=names_option(options, "safe_zones") if "safe_zones" in options else (ALL_ZONES,),
            default_accuracy_m=number_option(options, "default_accuracy_m", 100.0, least=1, most=5000),
            future_tolerance_s=number_option(options, "future_tolerance_s", 300.0, least=0, most=86_400),
            no_contact_alerts=flag_option(options, "no_contact_alerts", default=True),
        )
        config._check()
        return config

    def password(self) -> str | None:
        """Return the password from the file or environment variable that the options name; None where they name none.

        Raises:
            ConnectorConfigError: it is not there; the password itself is in no message.
        """
        if self.password_env:
            password = environment_secret(self.password_env)
            if password is None:
                raise ConnectorConfigError(f"option password_env names {self.password_env}, which is not set")
            return password
        if self.password_file:
            try:
                return Path(self.password_file).read_text(encoding="utf-8").rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as error:
                raise ConnectorConfigError(f"option password_file cannot be read: {type(error).__name__}") from error
        return None

    def _check(self) -> None:
        """Raise ``ConnectorConfigError`` where options contradict each other or name what is not there."""
        if not self.topic_root or any(sign in self.topic_root for sign in "+#"):
            raise ConnectorConfigError("option topic_root must be a topic without + and #")
        if not self.client_id:
            raise ConnectorConfigError("option client_id must not be empty: the broker keeps the session under it")
        if self.password_env and self.password_file:
            raise ConnectorConfigError("option password_env and option password_file exclude each other")
        if (self.password_env or self.password_file) and not self.username:
            raise ConnectorConfigError("option username is required with a password")
        self.password()
        for name, path in (("ca_file", self.ca_file), ("certificate_file", self.certificate_file)):
            if path and not self.tls:
                raise ConnectorConfigError(f"option {name} needs option tls = true")
            if path and not Path(path).is_file():
                raise ConnectorConfigError(f"option {name} names a file that is not there: {path}")
