"""Writes assignments into the database, each batch in one transaction."""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import AsyncConnection

from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError, SinkUnavailableError
from connectors.kit.option_values import choice_option, names_option, number_option, refuse_unknown, text_option
from connectors.kit.secrets import Secret
from connectors.kit.sink import Delivered
from connectors.postgis.database import bring_up_to_date, is_of_a_record, is_passing, write_records
from connectors.postgis.parse import camera_rows, decision_row
from schemas.topics import CAMERA_ASSIGNMENTS

logger = logging.getLogger(__name__)

ROLES = ("police", "fire", "disaster")
TLS = ("disable", "prefer", "require", "verify-full")
_OPTIONS = frozenset({"host", "port", "database", "user", "password_file", "password_env", "tls", "timeout_s", *ROLES})


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    host: str
    port: int
    database: str
    user: str
    password: Secret
    tls: str
    timeout_s: float
    agencies: Mapping[str, Sequence[str]]

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that options describe.

        Raises:
            ConnectorConfigError: an option is unknown or wrong; the message names it.
        """
        refuse_unknown(options, _OPTIONS)
        return cls(
            host=text_option(options, "host", "127.0.0.1"),
            port=int(number_option(options, "port", 5432, least=1, most=65_535)),
            database=text_option(options, "database", "goldentime"),
            user=text_option(options, "user", "goldentime"),
            password=Secret.from_options(options, "password"),
            tls=choice_option(options, "tls", "prefer", TLS),
            timeout_s=number_option(options, "timeout_s", 20.0, least=0.1, most=600),
            agencies={role: names_option(options, role) for role in ROLES},
        )


class PostgisSink:
    """Keeps every version of every assignment; a version written again changes nothing.

    Attributes:
        topics: the topics it wants.
        findings: how often what happened: ``refused``.
    """

    topics = (CAMERA_ASSIGNMENTS,)

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        del context  # what is decided when is in the records
        self.findings: Counter[str] = Counter()
        self._config = config
        self._connection: AsyncConnection[Any] | None = None

    def render(self, delivered: Delivered) -> Any:
        """Return the rows that a record becomes; latitude and longitude are one point in the database."""
        if delivered.record is None:
            return {"forget": (delivered.key or b"").decode("utf-8", "replace")}
        rows = {"decision": decision_row(delivered.record), "cameras": camera_rows(delivered.record)}
        return _shown(rows)

    async def write(self, batch: Sequence[Delivered]) -> None:
        """Write a batch; all of it stands when this returns, or nothing of it.

        Only where the database can never take a value of a record, records are written one by one and that one is
        passed over and counted.

        Raises:
            SinkUnavailableError: the database does not take it now.
            ConnectorConfigError: it never will: a right or an extension is missing.
        """
        try:
            await self._write(batch)
        except psycopg.Error:
            if len(batch) > 1:
                for item in batch:
                    await self.write([item])
                return
            self.findings["refused"] += 1
            logger.warning("offset %d of partition %d was not taken", batch[0].offset, batch[0].partition)

    async def _write(self, batch: Sequence[Delivered]) -> None:
        """Write a batch in one transaction.

        Raises:
            psycopg.Error: a value of a record can never be written; nothing of the batch was.
        """
        host = f"the database at {self._config.host}:{self._config.port}"
        try:
            async with asyncio.timeout(self._config.timeout_s):
                if self._connection is None or self._connection.closed:
                    self._connection = await self._connect()
                await write_records(self._connection, [(item.key, item.record) for item in batch])
        except (psycopg.Error, TimeoutError, OSError) as error:
            await self._drop()
            if isinstance(error, psycopg.Error) and is_of_a_record(error):
                raise
            # The server's own text may repeat values of a row.
            name = type(error).__name__
            if isinstance(error, psycopg.Error) and not is_passing(error):
                raise ConnectorConfigError(f"{host} refuses: {name} ({error.sqlstate})") from None
            raise SinkUnavailableError(f"{host} does not take records: {name}") from None

    async def close(self) -> None:
        """Close the connection; safe to call twice."""
        await self._drop()

    async def _connect(self) -> AsyncConnection[Any]:
        config = self._config
        connection = await AsyncConnection.connect(
            host=config.host,
            port=config.port,
            dbname=config.database,
            user=config.user,
            password=config.password.read(),
            sslmode=config.tls,
            connect_timeout=max(2, int(config.timeout_s)),
            application_name="goldentime",
            autocommit=True,
        )
        try:
            await bring_up_to_date(connection, config.agencies)
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


def _shown(value: Any) -> Any:
    """Return rows as JSON can hold them: times as text."""
    if isinstance(value, Mapping):
        return {name: _shown(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_shown(item) for item in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
