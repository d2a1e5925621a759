"""A camera list as a source: a file that is looked at again, or an answer of an open-data portal."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from connectors.camera_list.registry import SOURCE, Surroundings, load_list, read_form, source_of
from connectors.kit.cameras.changes import Changes, Standing, changes_of
from connectors.kit.cameras.files import Progress, file_bytes, find_file
from connectors.kit.cameras.making import RegistryLoad
from connectors.kit.cameras.source import RegistryFileSource
from connectors.kit.cameras.telling import goodbyes, in_row_order, is_news, standing_cameras
from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError, EntryRefusedError
from connectors.kit.option_values import choice_option, names_option, number_option, refuse_unknown, text_option
from connectors.kit.payloads import HTTP_POLL, Arrival, PayloadSource, Transport, transport_from, transport_options
from connectors.kit.reading.registry_difference import SHRINK_PCT, SUSPICIOUS_SHRINK
from connectors.kit.source import Accepted, Entry
from schemas.topics import CAMERAS

FILE = "file"
# A month; a list that is looked at more rarely is imported by hand.
EVERY_LIMIT_S = 2_678_400.0
_FILE_OPTIONS = frozenset({"path", "every_s"})
_OPTIONS = _FILE_OPTIONS | {"transport", "form", "owners", "shrink_max_pct", "accept"}


@dataclass(frozen=True, slots=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    poll: Transport | None
    path: str = ""
    every_s: float = 0.0
    form: str = ""
    owners: tuple[str, ...] = ()
    shrink_max_pct: float = SHRINK_PCT
    accept: str = ""

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that the options make.

        Raises:
            ConnectorConfigError: an option is missing, wrong or unknown, or belongs to the other transport.
        """
        poll_options = transport_options(HTTP_POLL)
        refuse_unknown(options, poll_options | _OPTIONS)
        is_polled = choice_option(options, "transport", FILE, (FILE, HTTP_POLL)) == HTTP_POLL
        others = sorted((_FILE_OPTIONS if is_polled else poll_options) & {n for n, value in options.items() if value})
        if others:
            raise ConnectorConfigError(f"option {others[0]} belongs to transport {FILE if is_polled else HTTP_POLL}")
        return cls(
            poll=transport_from(options, (HTTP_POLL,), name=SOURCE) if is_polled else None,
            path="" if is_polled else text_option(options, "path"),
            every_s=number_option(options, "every_s", 0.0, least=0, most=EVERY_LIMIT_S),
            form=text_option(options, "form", ""),
            owners=names_option(options, "owners"),
            shrink_max_pct=number_option(options, "shrink_max_pct", SHRINK_PCT, least=0, most=100),
            accept=text_option(options, "accept", ""),
        )


class CameraListSource(PayloadSource):
    """The cameras of a list, and of newer ones.

    Where there is a broker, a list is held against the cameras that stand. What is polled is held against those that
    stood when the polling began, and what was told since.

    Attributes:
        changes: what the newest list changed; None before, and where nothing tells what stands.
    """

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        # With a file there is no link to be made, so the base class never looks at its configuration.
        super().__init__(cast(Transport, config.poll), context, topic=CAMERAS)
        self._config = config
        self._form = read_form(config.form, context.city_folder)
        self._around = Surroundings(context.time_zone, context.city_box, context.default_points)
        self._standing: dict[str, Standing] | None = None
        self.changes: Changes | None = None
        self._file: RegistryFileSource | None = None
        if config.poll is None:
            self._file = RegistryFileSource(config, context, self._loaded_file)
            self.findings = self._file.findings

    @property
    def is_connected(self) -> bool:
        """Return whether lists can come: a file always can."""
        return self._file is not None or super().is_connected

    async def entries(self, cursor: str | None) -> AsyncGenerator[Entry, None]:
        """Yield cameras and refusals after ``cursor``, in the order of the rows, then those that are gone.

        A list of no use is answered by one refusal.

        Raises:
            ConnectorConfigError: there is no such file, or a secret is not there.
            SourceUnavailableError: the file or the server cannot be read now, or the broker does not answer.
        """
        if self._file is None and self.context.pictures is not None and not self.context.is_trial:
            self._standing = await standing_cameras(self.context.pictures, source_of(self._form))
        stream = super().entries(cursor) if self._file is None else self._file.entries(cursor)
        async with aclosing(stream) as entries:
            async for entry in entries:
                yield entry

    def read(self, payload: bytes, arrival: Arrival) -> Sequence[Entry]:
        """Return the entries of an answer: what is news in the list, then what is gone."""
        try:
            name = Path(arrival.origin).name
            loaded = load_list(payload, name, self._form, self._around, arrival.now_us)
        except ConnectorConfigError as error:
            self.note("unusable-file")
            raise EntryRefusedError("unusable-file", None, str(error)) from error
        changes = self.changes = self._compared(loaded)
        told = [entry for _, entry in in_row_order(loaded) if is_news(entry, changes)]
        if changes is not None:
            self.findings.update(changes.counts)
        entries = told + goodbyes(changes)
        if self._standing is not None:
            for entry in entries:
                _remember(entry, self._standing)
        return entries

    def _loaded_file(self, path: Path, now_us: int, progress: Progress) -> RegistryLoad:
        path = find_file(path)
        return load_list(file_bytes(path), path.name, self._form, self._around, now_us, progress=progress)

    def _compared(self, loaded: RegistryLoad) -> Changes | None:
        """Return what the list changes; None where nothing tells what stands.

        Raises:
            EntryRefusedError: it takes back too much.
        """
        if self._standing is None:
            return None
        config = self._config
        changes = changes_of(loaded.cameras, self._standing, config.owners)
        message = changes.shrink_message(config.shrink_max_pct, fingerprint=loaded.fingerprint, accept=config.accept)
        if message is not None:
            self.note(SUSPICIOUS_SHRINK)
            raise EntryRefusedError(SUSPICIOUS_SHRINK, None, message)
        return changes


def _remember(entry: Entry, standing: dict[str, Standing]) -> None:
    """Note what stands once an entry is told."""
    if isinstance(entry, Accepted) and entry.record is not None:
        standing[entry.record.camera_id] = Standing.of(entry.record)
    elif isinstance(entry, Accepted) and entry.key is not None:
        standing.pop(entry.key.decode(), None)
