"""From a city and its ``connectors.toml`` to sources that are ready to run."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import shapely
from shapely.geometry import Polygon

from connectors.kit.context import ConnectorContext, DefaultPoint
from connectors.kit.errors import ConnectorConfigError
from connectors.kit.instances import ConnectorInstance
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.running.kafka_pictures import KafkaPictures
from connectors.kit.running.runner import SourceJob
from connectors.kit.settings import ConnectorSettings
from console.options import Options
from topologies.city_files import City


def context_of(city: City, settings: ConnectorSettings) -> ConnectorContext:
    """Return what the city's connectors may know of their surroundings."""
    places = city.policy.default_places
    return ConnectorContext(
        clock=settings.clock,
        pseudonyms=settings.pseudonyms,
        time_zone=city.time_zone,
        default_points=tuple(DefaultPoint(p.lat_deg, p.lon_deg, p.radius_m, p.name) for p in places),
        city_box=city.box_deg,
        districts=tuple(district.name for district in city.policy.districts),
        outlines=outlines_of(city),
        pictures=KafkaPictures(settings),
        city_folder=city.folder,
    )


def outlines_of(city: City) -> dict[str, "DistrictOutline"]:
    """Return the area of each of the city's districts by its name."""
    return {district.name: DistrictOutline(district.polygon) for district in city.policy.districts}


@dataclass(frozen=True, slots=True)
class DistrictOutline:
    """The area of a district; ``polygon`` is in (lon, lat) degrees, WGS 84."""

    polygon: Polygon

    def __post_init__(self) -> None:
        shapely.prepare(self.polygon)

    def holds(self, lat_deg: float, lon_deg: float) -> bool:
        """Return whether a position lies in it."""
        return bool(shapely.contains_xy(self.polygon, lon_deg, lat_deg))


def trial_context_of(options: Options) -> ConnectorContext:
    """Return the city's surroundings for a trial; without a key a made-up one does, because nothing is kept."""
    settings = options.connector_settings()
    context = replace(context_of(options.load_city(), settings), is_trial=True)
    try:
        context.pseudonyms.require_key()
    except ConnectorConfigError:
        context = replace(context, pseudonyms=Pseudonyms.ephemeral())
    return context


def jobs_of(instances: Iterable[ConnectorInstance], context: ConnectorContext) -> list[SourceJob]:
    """Return how to run each source.

    Raises:
        ConnectorConfigError: an option is wrong; the message names instance and option.
    """
    return [
        SourceJob(name=instance.name, kind=instance.kind, source=instance.build_source(context))
        for instance in instances
    ]
