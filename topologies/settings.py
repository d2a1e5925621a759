"""The settings of a worker: one frozen value, read from the environment here and nowhere else."""

import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from schemas.clock import Clock, SystemClock, clock_from
from schemas.topics import CASE_PARTITIONS
from topologies.errors import SettingsError
from topologies.schema_registry import SchemaRegistry

T = TypeVar("T")
PREFIX = "GOLDENTIME_"
# More partitions than a city has cores to use only cost transactions; the limit keeps a slip of the finger harmless.
CASE_PARTITIONS_MAX = 256
# Beside the machine code of the engine's kernels.
CACHE_DIR = Path(__file__).resolve().parents[1] / ".cache"


class Guarantee(StrEnum):
    """How outputs, state and input offsets are committed together."""

    AUTO = "auto"
    TRANSACTIONAL = "transactional"
    PLAIN = "plain"


class SecurityProtocol(StrEnum):
    """How to talk to the broker, in Kafka's own words."""

    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_PLAINTEXT = "SASL_PLAINTEXT"
    SASL_SSL = "SASL_SSL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """TLS and SASL towards the broker.

    Attributes:
        protocol: with or without TLS and SASL.
        ca_file: certificates to trust instead of the system's.
        cert_file: this worker's certificate, for mutual TLS.
        key_file: the certificate's private key.
        sasl_mechanism: ``PLAIN``, ``SCRAM-SHA-256`` or ``SCRAM-SHA-512``.
        username: SASL user.
        password: SASL password; never printed.
    """

    protocol: SecurityProtocol = SecurityProtocol.PLAINTEXT
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    sasl_mechanism: str = "SCRAM-SHA-512"
    username: str | None = None
    password: str | None = None

    def __post_init__(self) -> None:
        if self.sasl_mechanism not in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"):
            raise SettingsError(f"sasl_mechanism must be PLAIN or SCRAM-SHA-256/512, got {self.sasl_mechanism!r}")
        if self.uses_sasl and not (self.username and self.password):
            raise SettingsError(f"security protocol {self.protocol} needs a SASL user and password")

    @property
    def uses_sasl(self) -> bool:
        """Whether the broker asks for a user."""
        return self.protocol in (SecurityProtocol.SASL_PLAINTEXT, SecurityProtocol.SASL_SSL)

    @property
    def uses_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.protocol in (SecurityProtocol.SSL, SecurityProtocol.SASL_SSL)

    def __repr__(self) -> str:
        return f"Security(protocol={self.protocol.value}, username={self.username!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a worker must be told; validated when built.

    Attributes:
        bootstrap_servers: ``host:port`` of brokers, at least one.
        city: name of the city's folder in ``cities_dir``.
        cities_dir: where the cities' folders are.
        guarantee: ``auto`` asks the broker whether it has transactions.
        worker_id: name of this worker, unique among those of the city; made up unless given.
        group_instance_id: static membership: a restarted worker with the same id gets its partitions back at once.
        case_partitions: partition count of the topics keyed by case.
        replication_factor: of topics that are created; -1 takes the broker's default.
        create_topics: whether the worker creates missing topics when it starts.
        gather_ms: how long a partition collects records before it decides on them together.
        tick_s: seconds of the clock between ticks.
        unit_records_max: most records decided on in one unit of work.
        waiting_records_max: most records that wait in memory per partition.
        session_timeout_s: after how long without a heartbeat the group gives this worker's partitions away.
        request_timeout_s: how long the broker may take to answer before the worker gives up and stops.
        web_host: where the worker's web server listens; loopback unless told otherwise.
        web_port: its port; 0 takes a free one.
        clock: the time of ticks.
        data_dir: where Faust keeps its folder; no state of ours is in it.
        cache_dir: where computed lines of sight are kept for the next start; all of it can be computed again.
        security: TLS and SASL.
        schema_registry: where ``goldentime topics create`` registers the schemas; None for nowhere.
    """

    bootstrap_servers: tuple[str, ...]
    city: str
    cities_dir: Path = Path("cities")
    guarantee: Guarantee = Guarantee.AUTO
    worker_id: str = field(default_factory=lambda: f"worker-{secrets.token_hex(4)}")
    group_instance_id: str | None = None
    case_partitions: int = CASE_PARTITIONS
    replication_factor: int = -1
    create_topics: bool = True
    gather_ms: float = 15.0
    tick_s: float = 1.0
    unit_records_max: int = 5_000
    waiting_records_max: int = 20_000
    session_timeout_s: float = 10.0
    request_timeout_s: float = 30.0
    web_host: str = "127.0.0.1"
    web_port: int = 0
    clock: Clock = field(default_factory=SystemClock)
    data_dir: Path = Path(".goldentime")
    cache_dir: Path = CACHE_DIR
    security: Security = field(default_factory=Security)
    schema_registry: SchemaRegistry | None = None

    def __post_init__(self) -> None:
        if not self.bootstrap_servers:
            raise SettingsError("bootstrap_servers must name at least one broker as host:port, got none")
        for server in self.bootstrap_servers:
            if not re.fullmatch(r"[^\s:/]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}", server):
                raise SettingsError(f"bootstrap_servers must be host:port, got {server!r}")
        for name in ("city", "worker_id"):
            value = getattr(self, name)
            if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{0,62}", value):
                raise SettingsError(f"{name} must be lower-case letters, digits, '.' or '-', got {value!r}")
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if not low <= value <= high:
                raise SettingsError(f"{name} must be {low:g} to {high:g}, got {value:g}")
        if self.replication_factor == 0:
            raise SettingsError("replication_factor must be -1 (the broker's default) or 1 to 10, got 0")
        if self.waiting_records_max < self.unit_records_max:
            raise SettingsError("waiting_records_max must not be below unit_records_max")


_RANGES: tuple[tuple[str, float, float], ...] = (
    ("case_partitions", 1, CASE_PARTITIONS_MAX),
    ("replication_factor", -1, 10),
    ("gather_ms", 0, 1_000),
    ("tick_s", 0.05, 60),
    ("unit_records_max", 1, 100_000),
    ("waiting_records_max", 1, 1_000_000),
    ("session_timeout_s", 1, 120),
    ("request_timeout_s", 1, 300),
    ("web_port", 0, 65_535),
)


def settings_from(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings that ``GOLDENTIME_*`` variables describe.

    Args:
        environment: the variables; the process's own if None.

    Raises:
        SettingsError: a variable is missing, is not of its type or breaks a rule.
    """
    variables = _Variables(os.environ if environment is None else environment)
    default = Settings(bootstrap_servers=("localhost:9092",), city="none")
    return Settings(
        bootstrap_servers=tuple(s.strip() for s in variables.text("BOOTSTRAP_SERVERS").split(",") if s.strip()),
        city=variables.text("CITY"),
        cities_dir=variables.get("CITIES_DIR", Path, default.cities_dir),
        guarantee=variables.get("GUARANTEE", Guarantee, default.guarantee),
        worker_id=variables.get("WORKER_ID", str, default.worker_id),
        group_instance_id=variables.get("GROUP_INSTANCE_ID", str, None),
        case_partitions=variables.get("CASE_PARTITIONS", int, default.case_partitions),
        replication_factor=variables.get("REPLICATION_FACTOR", int, default.replication_factor),
        create_topics=variables.get("CREATE_TOPICS", _yes_or_no, default.create_topics),
        gather_ms=variables.get("GATHER_MS", float, default.gather_ms),
        tick_s=variables.get("TICK_S", float, default.tick_s),
        unit_records_max=variables.get("UNIT_RECORDS_MAX", int, default.unit_records_max),
        waiting_records_max=variables.get("WAITING_RECORDS_MAX", int, default.waiting_records_max),
        session_timeout_s=variables.get("SESSION_TIMEOUT_S", float, default.session_timeout_s),
        request_timeout_s=variables.get("REQUEST_TIMEOUT_S", float, default.request_timeout_s),
        web_host=variables.get("WEB_HOST", str, default.web_host),
        web_port=variables.get("WEB_PORT", int, default.web_port),
        clock=variables.get("CLOCK", clock_from, default.clock),
        data_dir=variables.get("DATA_DIR", Path, default.data_dir),
        cache_dir=variables.get("CACHE_DIR", Path, default.cache_dir),
        security=_security_from(variables),
        schema_registry=_registry_from(variables),
    )


def _security_from(variables: "_Variables") -> Security:
    default = Security()
    return Security(
        protocol=variables.get("SECURITY_PROTOCOL", SecurityProtocol, default.protocol),
        ca_file=variables.get("SSL_CA_FILE", _existing_file, None),
        cert_file=variables.get("SSL_CERT_FILE", _existing_file, None),
        key_file=variables.get("SSL_KEY_FILE", _existing_file, None),
        sasl_mechanism=variables.get("SASL_MECHANISM", str, default.sasl_mechanism),
        username=variables.get("SASL_USERNAME", str, None),
        password=variables.get("SASL_PASSWORD_FILE", _first_line, None),
    )


def _registry_from(variables: "_Variables") -> SchemaRegistry | None:
    url = variables.get("SCHEMA_REGISTRY_URL", str, None)
    if url is None:
        return None
    user = variables.get("SCHEMA_REGISTRY_USER", str, None)
    return SchemaRegistry(url, user, variables.get("SCHEMA_REGISTRY_PASSWORD_FILE", _first_line, None))


class _Variables:
    """Reads variables by their name without the prefix; a wrong one is an error that names it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str) -> str:
        value = self._environment.get(PREFIX + name, "").strip()
        if not value:
            raise SettingsError(f"{PREFIX}{name} must be set")
        return value

    def get(self, name: str, convert: Callable[[str], T], default: T) -> T:
        value = self._environment.get(PREFIX + name, "").strip()
        if not value:
            return default
        try:
            return convert(value)
        except (ValueError, OSError) as error:
            raise SettingsError(f"{PREFIX}{name} must be {_kind(convert)}, got {value!r}: {error}") from error


def _kind(convert: Callable[[str], object]) -> str:
    if isinstance(convert, type) and issubclass(convert, StrEnum):
        return " or ".join(member.value for member in convert)
    names = {int: "a whole number", float: "a number", _yes_or_no: "yes or no", clock_from: "a clock"}
    return names.get(convert, "a file that can be read")


def _yes_or_no(text: str) -> bool:
    if text.lower() not in ("yes", "no", "true", "false", "1", "0"):
        raise ValueError("not yes or no")
    return text.lower() in ("yes", "true", "1")


def _existing_file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise FileNotFoundError("no such file")
    return path


def _first_line(text: str) -> str:
    """Return the first line of a file: how a password comes in without standing in the environment."""
    lines = Path(text).read_text("utf-8").splitlines()
    if not lines or not lines[0]:
        raise ValueError("the file is empty")
    return lines[0]
