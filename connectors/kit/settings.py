"""The settings of a process that runs connectors: one frozen value, read from the environment here and nowhere else.

The names are those of the worker's settings where both need the same thing.
"""

import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.pseudonyms import Pseudonyms
from schemas.clock import Clock, SystemClock, clock_from

PREFIX = "GOLDENTIME_"
SECURITY_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
SASL_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_SERVER = re.compile(r"[^\s:/,]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}")


def environment_secret(name: str) -> str | None:
    """Return a secret from the environment variable that a connector's option names; None where it is not set."""
    return os.environ.get(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """TLS and SASL towards the broker.

    Attributes:
        protocol: with or without TLS and SASL, in Kafka's own words.
        ca_file: certificates to trust instead of the system's.
        cert_file: this process's certificate, for mutual TLS.
        key_file: the certificate's private key.
        sasl_mechanism: ``PLAIN``, ``SCRAM-SHA-256`` or ``SCRAM-SHA-512``.
        username: SASL user.
        password: SASL password; comes from a file and is never printed.
    """

    protocol: str = "PLAINTEXT"
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    sasl_mechanism: str = "SCRAM-SHA-512"
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        _one_of("SECURITY_PROTOCOL", self.protocol, SECURITY_PROTOCOLS)
        _one_of("SASL_MECHANISM", self.sasl_mechanism, SASL_MECHANISMS)
        if self.protocol.startswith("SASL_") and not (self.username and self.password):
            raise ConnectorConfigError(
                f"{PREFIX}SECURITY_PROTOCOL {self.protocol} needs {PREFIX}SASL_USERNAME and {PREFIX}SASL_PASSWORD_FILE"
            )

    def options(self) -> dict[str, Any]:
        """Return the options of kafka-python that say this.

        Raises:
            ConnectorConfigError: a certificate cannot be loaded.
        """
        options: dict[str, Any] = {"security_protocol": self.protocol}
        if self.protocol.endswith("SSL"):
            options["ssl_context"] = self._tls_context()
        if self.protocol.startswith("SASL_"):
            options["sasl_mechanism"] = self.sasl_mechanism
            options["sasl_plain_username"] = self.username
            options["sasl_plain_password"] = self.password
        return options

    def _tls_context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
            if self.cert_file:
                context.load_cert_chain(str(self.cert_file), str(self.key_file) if self.key_file else None)
        except OSError as error:  # ssl.SSLError is one
            raise ConnectorConfigError(f"the TLS files cannot be loaded: {type(error).__name__}") from error
        return context


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorSettings:
    """Everything a process of connectors must be told beyond its city and its connectors' options.

    Attributes:
        bootstrap_servers: ``host:port`` of brokers, at least one.
        topic_prefix: the city's prefix of topics without the dot; empty for none.
        clock: stamps records and paces replays.
        security: TLS and SASL.
        pseudonyms: the keyed pseudonyms of this deployment.
    """

    bootstrap_servers: tuple[str, ...]
    topic_prefix: str = ""
    clock: Clock = field(default_factory=SystemClock)
    security: Security = field(default_factory=Security)
    pseudonyms: Pseudonyms = field(default_factory=Pseudonyms.without_key)

    def __post_init__(self) -> None:
        if not self.bootstrap_servers:
            raise ConnectorConfigError(f"{PREFIX}BOOTSTRAP_SERVERS must name a broker as host:port, got none")
        for server in self.bootstrap_servers:
            if not _SERVER.fullmatch(server):
                raise ConnectorConfigError(f"{PREFIX}BOOTSTRAP_SERVERS must be host:port, got {server!r}")
        # What Kafka allows in topic names; dots would look like two prefixes.
        if not re.fullmatch(r"[a-z0-9_-]{0,64}", self.topic_prefix):
            raise ConnectorConfigError(
                f"{PREFIX}TOPIC_PREFIX must be lower-case letters, digits, '_' or '-', got {self.topic_prefix!r}"
            )

    def client_options(self) -> dict[str, Any]:
        """Return the options every kafka-python client of this process gets: servers, TLS, SASL, time-outs."""
        return {
            "bootstrap_servers": list(self.bootstrap_servers),
            # One try to reach the broker blocks a thread this long; a stop must end within 2 s.
            "bootstrap_timeout_ms": 1_500,
            "request_timeout_ms": 10_000,
            "reconnect_backoff_max_ms": 1_000,
            **self.security.options(),
        }


def settings_from(environment: Mapping[str, str] | None = None) -> ConnectorSettings:
    """Return the settings that ``GOLDENTIME_*`` variables describe.

    Args:
        environment: the variables; the process's own if None.

    Raises:
        ConnectorConfigError: a variable is missing or wrong, or a file it names cannot be read.
    """
    variables = os.environ if environment is None else environment
    servers = _text(variables, "BOOTSTRAP_SERVERS")
    if servers is None:
        raise ConnectorConfigError(f"{PREFIX}BOOTSTRAP_SERVERS must be set, e.g. localhost:9092")
    try:
        clock = clock_from(_text(variables, "CLOCK") or "system")
    except ValueError as error:
        raise ConnectorConfigError(f"{PREFIX}CLOCK: {error}") from error
    return ConnectorSettings(
        bootstrap_servers=tuple(server.strip() for server in servers.split(",") if server.strip()),
        topic_prefix=_text(variables, "TOPIC_PREFIX") or "",
        clock=clock,
        security=_security(variables),
        pseudonyms=Pseudonyms(
            _secret(variables, "PSEUDONYM_KEY", allow_plain=True),
            _secret(variables, "PSEUDONYM_KEY_PREVIOUS", allow_plain=True),
        ),
    )


def _security(variables: Mapping[str, str]) -> Security:
    default = Security()
    password = _secret(variables, "SASL_PASSWORD", allow_plain=False)
    return Security(
        protocol=_text(variables, "SECURITY_PROTOCOL") or default.protocol,
        ca_file=_file(variables, "SSL_CA_FILE"),
        cert_file=_file(variables, "SSL_CERT_FILE"),
        key_file=_file(variables, "SSL_KEY_FILE"),
        sasl_mechanism=_text(variables, "SASL_MECHANISM") or default.sasl_mechanism,
        username=_text(variables, "SASL_USERNAME"),
        password=password.decode("utf-8") if password else None,
    )


def _text(variables: Mapping[str, str], name: str) -> str | None:
    return variables.get(PREFIX + name, "").strip() or None


def _file(variables: Mapping[str, str], name: str) -> Path | None:
    text = _text(variables, name)
    if text is None:
        return None
    path = Path(text)
    if not path.is_file():
        raise ConnectorConfigError(f"{PREFIX}{name} must be a file that can be read, got {text!r}")
    return path


def _secret(variables: Mapping[str, str], name: str, *, allow_plain: bool) -> bytes | None:
    """Return the first line of the file that ``<name>_FILE`` names, else the variable itself where that is allowed."""
    plain = _text(variables, name)
    path = _file(variables, name + "_FILE")
    if plain and not allow_plain:
        raise ConnectorConfigError(f"{PREFIX}{name} must not be set: put it into a file and set {PREFIX}{name}_FILE")
    if plain and path:
        raise ConnectorConfigError(f"set {PREFIX}{name} or {PREFIX}{name}_FILE, not both")
    if path is None:
        return plain.encode() if plain else None
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise ConnectorConfigError(f"{PREFIX}{name}_FILE cannot be read: {type(error).__name__}") from error
    if not lines or not lines[0].strip():
        raise ConnectorConfigError(f"{PREFIX}{name}_FILE must name a file whose first line is the secret, it is empty")
    return lines[0].strip()


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConnectorConfigError(f"{PREFIX}{name} must be one of {', '.join(allowed)}, got {value!r}")
