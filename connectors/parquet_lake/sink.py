"""Takes decisions into a journal at once, and makes Parquet files of them when enough have gathered."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError, SinkUnavailableError
from connectors.kit.option_values import choice_option, names_option, number_option, refuse_unknown, text_option
from connectors.kit.sink import Delivered
from connectors.parquet_lake.files import days_before_us, delete_before, write_files
from connectors.parquet_lake.journal import Journal, Position, Waiting
from connectors.parquet_lake.parse import COARSE, EXACT, TIME_FIELDS, hour_of, row_of, time_us_of
from schemas.topics import BY_NAME, CAMERA_ASSIGNMENTS, Topic

logger = logging.getLogger(__name__)

_OPTIONS = frozenset({"folder", "topics", "positions", "keep_days", "rows_max", "bytes_max", "age_s"})
JOURNAL_FOLDER = "_journal"
# A stop leaves a sink two seconds; files of more rows than this may take longer.
CLOSING_ROWS_MAX = 3_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    folder: Path
    topics: tuple[Topic, ...] = (CAMERA_ASSIGNMENTS,)
    positions: str = COARSE
    keep_days: int = 0
    rows_max: int = 20_000
    bytes_max: int = 67_108_864
    age_s: float = 300.0

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that options describe.

        Raises:
            ConnectorConfigError: an option is missing, unknown or wrong; the message names it.
        """
        refuse_unknown(options, _OPTIONS)
        names = names_option(options, "topics") or (CAMERA_ASSIGNMENTS.name,)
        unknown = [name for name in names if name not in TIME_FIELDS]
        if unknown:
            raise ConnectorConfigError(f"option topics must be among {', '.join(TIME_FIELDS)}, got {unknown[0]!r}")
        config = cls(
            folder=Path(text_option(options, "folder")).expanduser(),
            topics=tuple(BY_NAME[name] for name in names),
            positions=choice_option(options, "positions", COARSE, (COARSE, EXACT)),
            keep_days=int(number_option(options, "keep_days", 0, least=0, most=3650)),
            rows_max=int(number_option(options, "rows_max", 20_000, least=1, most=200_000)),
            bytes_max=int(number_option(options, "bytes_max", 67_108_864, least=1024, most=1_073_741_824)),
            age_s=number_option(options, "age_s", 300.0, least=0.05, most=86_400),
        )
        if config.positions == EXACT and not config.keep_days:
            raise ConnectorConfigError("option positions = exact needs keep_days: exact places must have an end")
        return config


class ParquetLakeSink:
    """Writes every record once, in files by date and hour.

    A record is on disk, in the journal, when ``write`` returns. Files are made of the journal when it holds
    ``rows_max`` rows or ``bytes_max`` bytes, when its first row has waited ``age_s``, and at the end; many
    rows that wait at the end stay in the journal until the next start writes.

    Attributes:
        topics: the topics it wants.
        passed_over: how many records had been taken already.
    """

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        self.topics = config.topics
        self.passed_over = 0
        self._config = config
        self._clock = context.clock
        self._journal: Journal | None = None
        self._lock = asyncio.Lock()
        self._timer: asyncio.Task[None] | None = None

    def render(self, delivered: Delivered) -> Any:
        """Return where a record goes and what its row holds."""
        if delivered.record is None:
            return None
        where = f"{delivered.topic.name}/{hour_of(time_us_of(delivered))}"
        return {"folder": where, "row": row_of(delivered, self._config.positions)}

    async def write(self, batch: Sequence[Delivered]) -> None:
        """Take records; they are on disk when this returns.

        Raises:
            SinkUnavailableError: the disk does not take them now, or another process writes to the folder.
        """
        async with self._lock:
            await self._guarded(self._take, batch)
        if self._timer is None or self._timer.done():
            self._timer = asyncio.create_task(self._flush_when_old())

    async def close(self) -> None:
        """Make files of what waits unless that takes too long now, and let the folder go; safe to call twice."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
            await asyncio.gather(timer, return_exceptions=True)
        async with self._lock:
            try:
                if self._journal is not None and len(self._journal.waiting) <= CLOSING_ROWS_MAX:
                    await self._guarded(self._flush)
            except SinkUnavailableError as error:
                logger.warning("%s; what waits stays in the journal", error)
            self._forget()

    async def _flush_when_old(self) -> None:
        """Flush once the first waiting row has waited long enough; what fails is tried again at the next write."""
        await asyncio.sleep(self._config.age_s)
        async with self._lock:
            try:
                await self._guarded(self._flush)
            except SinkUnavailableError as error:
                logger.warning("%s; what waits stays in the journal", error)

    async def _guarded(self, call: Any, *arguments: Any) -> None:
        """Run a call in a thread, to its end also when cancelled: two must never have the journal at once."""
        task = asyncio.ensure_future(asyncio.to_thread(call, *arguments))
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.gather(task, return_exceptions=True)
            raise
        except OSError as error:
            # What reached the disk is found again when the journal is opened the next time.
            self._forget()
            reason = error.strerror or type(error).__name__
            raise SinkUnavailableError(f"{self._config.folder.name} cannot be written: {reason}") from error

    def _forget(self) -> None:
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.close()

    def _take(self, batch: Sequence[Delivered]) -> None:
        if self._journal is None:
            self._journal = Journal(self._config.folder / JOURNAL_FOLDER)
        self._journal.append(self._new(batch, self._journal.positions))
        if len(self._journal.waiting) >= self._config.rows_max or self._journal.bytes >= self._config.bytes_max:
            self._flush()

    def _new(self, batch: Sequence[Delivered], positions: Mapping[str, Position]) -> list[Waiting]:
        """Return the rows of a batch that were not taken before."""
        known = {log: Position(p.newest, p.latest_us, p.era) for log, p in positions.items()}
        rows = []
        for delivered in batch:
            if delivered.record is None:
                continue
            position = known.setdefault(f"{delivered.topic.name}/{delivered.partition}", Position())
            time_us = time_us_of(delivered)
            if delivered.offset <= position.newest:
                if time_us <= position.latest_us:
                    self.passed_over += 1
                    continue
                # Everything up to the newest offset was taken and was earlier: this log is another one.
                position.era += 1
                logger.warning("%s partition %d begins anew", delivered.topic.name, delivered.partition)
            position.newest, position.latest_us = delivered.offset, max(position.latest_us, time_us)
            row = row_of(delivered, self._config.positions, position.era)
            rows.append(Waiting(delivered.topic.name, time_us, row))
        return rows

    def _flush(self) -> None:
        """Make files of the journal's rows, and delete the dates that have had their time."""
        journal = self._journal
        if journal is None or not journal.waiting:
            return
        write_files(self._config.folder, journal.waiting)
        journal.empty()
        if self._config.keep_days:
            first_us = days_before_us(self._clock.now_us(), self._config.keep_days)
            delete_before(self._config.folder, [topic.name for topic in self.topics], first_us)
