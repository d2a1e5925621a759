"""From a registry file to the camera table of a city, for the command and the demonstration alike."""

from collections.abc import Callable
from pathlib import Path

from connectors.camera_list.registry import Surroundings, load_list, read_form
from connectors.cctv_registry.config import Config
from connectors.cctv_registry.registry import load
from connectors.kit.cameras.changes import Changes
from connectors.kit.cameras.files import file_bytes, find_file
from connectors.kit.cameras.making import RegistryLoad
from connectors.kit.cameras.telling import goodbyes
from connectors.kit.context import DefaultPoint
from connectors.kit.running.publish import Publisher
from schemas.topics import CAMERAS
from topologies.city_files import City

# The form that a city's folder has where its cameras come as a list of its own, and the word for no form at all.
CITY_FORM = "camera_list.toml"
STANDARD = "national-standard"


def read_registry(
    file: Path,
    city: City,
    now_us: int,
    progress: Callable[[int, int | None], None] | None = None,
    *,
    form: str = "",
) -> RegistryLoad:
    """Return a registry file as the cameras and refusals it makes in a city.

    Args:
        file: a list in the columns of a form, or CSV or xlsx in any of the forms of the Korean standard.
        city: what lies outside its box is flagged.
        now_us: the time of reading, UTC microseconds since the epoch.
        progress: called now and then with rows done and rows in all.
        form: the form's file, from the city's folder on, or :data:`STANDARD`; empty takes :data:`CITY_FORM` where the
            city has one, else the standard.

    Raises:
        ConnectorConfigError: file or form cannot be used.
    """
    form = form or (CITY_FORM if (city.folder / CITY_FORM).exists() else STANDARD)
    if form == STANDARD:
        config = Config(path=str(file), city_box=city.box_deg, time_zone=city.time_zone)
        return load(file, config, now_us, progress=progress)
    places = city.policy.default_places
    points = tuple(DefaultPoint(p.lat_deg, p.lon_deg, p.radius_m, p.name) for p in places)
    around = Surroundings(city.time_zone, city.box_deg, points)
    path = find_file(file)
    return load_list(file_bytes(path), path.name, read_form(form, city.folder), around, now_us, progress=progress)


async def publish_registry(
    publisher: Publisher, loaded: RegistryLoad, progress: Callable[[int], None], changes: Changes | None = None
) -> int:
    """Publish the cameras of a registry that are news, its refused rows as dead letters, and take back what is gone.

    Returns how many cameras went out.

    Args:
        publisher: started.
        loaded: the registry.
        progress: called now and then with how many cameras the broker has acknowledged.
        changes: what the registry changes; None tells all of it.
    """
    unchanged: frozenset[str] = frozenset() if changes is None else changes.unchanged
    news = [camera for camera in loaded.cameras if camera.camera_id not in unchanged]
    published = await publisher.publish_all(CAMERAS, news, source=loaded.source, progress=progress)
    outbox = publisher.outbox()
    for entry in (*loaded.refused, *goodbyes(changes)):
        await publisher.put(outbox, entry, source=loaded.source)
    await outbox.drain()
    return published
