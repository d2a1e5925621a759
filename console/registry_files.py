"""From a registry file to the camera table of a city, for the command and the demonstration alike."""

from collections.abc import Callable
from pathlib import Path

from connectors.cctv_registry.config import Config
from connectors.cctv_registry.registry import SOURCE, RegistryLoad, load
from connectors.kit.running.publish import Publisher
from schemas.topics import CAMERAS
from topologies.city_files import City


def read_registry(
    file: Path, city: City, now_us: int, progress: Callable[[int, int | None], None] | None = None
) -> RegistryLoad:
    """Return a registry file as the cameras and refusals it makes in a city.

    Args:
        file: CSV or xlsx in any of the standard's forms.
        city: what lies outside its box is flagged.
        now_us: the time of reading, UTC microseconds since the epoch.
        progress: called now and then with rows done and rows in all.
    """
    config = Config(path=str(file), city_box=city.box_deg, time_zone=city.time_zone)
    return load(file, config, now_us, progress=progress)


async def publish_registry(publisher: Publisher, loaded: RegistryLoad, progress: Callable[[int], None]) -> int:
    """Publish the cameras of a registry, and its refused rows as dead letters; return how many cameras went out.

    Args:
        publisher: started.
        loaded: the registry.
        progress: called now and then with how many cameras the broker has acknowledged.
    """
    published = await publisher.publish_all(CAMERAS, loaded.cameras, source=SOURCE, progress=progress)
    outbox = publisher.outbox()
    for refused in loaded.refused:
        await publisher.put(outbox, refused, source=SOURCE)
    await outbox.drain()
    return published
