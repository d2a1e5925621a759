"""A registry file of the national standard as a source of cameras."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

from connectors.cctv_registry.config import Config
from connectors.cctv_registry.registry import RegistryLoad, load
from connectors.kit.cameras.files import Progress
from connectors.kit.cameras.source import RegistryFileSource
from connectors.kit.context import ConnectorContext
from connectors.kit.source import Entry

__all__ = ["CctvRegistrySource", "Config"]


class CctvRegistrySource(RegistryFileSource):
    """The cameras of a registry file, and of newer ones; see the base class."""

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        if config.city_box is None and not config.districts:
            config = replace(config, city_box=context.city_box)
        self._config = replace(config, time_zone=config.time_zone or context.time_zone)
        super().__init__(self._config, context, self._loaded, self._config.belonging(context.outlines))

    async def entries(self, cursor: str | None) -> AsyncGenerator[Entry, None]:
        """Yield the file's cameras and refusals after ``cursor``; see the base class.

        Raises:
            ConnectorConfigError: there is no such file, or the districts cannot be read.
            SourceUnavailableError: the file cannot be read now, or is not there yet; or the broker does not answer.
        """
        self._config.city()
        async with aclosing(super().entries(cursor)) as entries:
            async for entry in entries:
                yield entry

    def _loaded(self, path: Path, now_us: int, progress: Progress) -> RegistryLoad:
        return load(path, self._config, now_us, progress=progress)
