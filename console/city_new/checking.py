"""Is a city's folder one that every part can use? Reads all of it, as workers, connectors and people would."""

from typing import Any

from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError
from connectors.kit.instances import ConnectorInstance, instances_of
from connectors.kit.manifest import all_manifests
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.settings import ConnectorSettings
from console.connector_setup import context_of
from console.errors import CityFolderError
from console.labels import read_labels
from schemas.clock import SystemClock
from topologies.city_files import City
from topologies.projection_files import load_access


def check_folder(city: City) -> dict[str, Any]:
    """Return what a city's folder holds beside its map, for people and programs.

    Raises:
        PolicyError: a file of the policy, of projections or of words is wrong; the message names file and field.
        CityFolderError: so is the one of connectors, or one of them cannot be made.
    """
    access, labels = load_access(city.folder, city.policy), read_labels(city.folder)
    try:
        instances = instances_of(city.folder.parent, city.folder.name)
        context = _context(city)
        for instance in instances:
            _check_instance(instance, context)
    except ConnectorConfigError as error:
        raise CityFolderError(str(error)) from error
    policy = city.policy
    return {
        "title": city.title,
        "topics": f"{city.prefix}.*",
        "time_zone": city.time_zone,
        "policy": policy.version,
        "rules": len(policy.ranks.rules) + len(policy.gate.rules),
        "districts": len(policy.districts),
        "recipients": len(policy.recipients),
        "projections": len(access.projections),
        "connectors": [instance.name for instance in instances if instance.enabled],
        "connectors_off": [instance.name for instance in instances if not instance.enabled],
        "words": len(labels.kinds) + len(labels.services) + len(labels.reasons),
    }


def _context(city: City) -> ConnectorContext:
    settings = ConnectorSettings(
        bootstrap_servers=("localhost:9092",),
        topic_prefix=city.prefix,
        clock=SystemClock(),
        pseudonyms=Pseudonyms.ephemeral(),
    )
    return context_of(city, settings)


def _check_instance(instance: ConnectorInstance, context: ConnectorContext) -> None:
    """Build a connector as if it were to run; what it needs of the machine alone is not asked for."""
    manifests = all_manifests()
    if instance.kind not in manifests:
        raise ConnectorConfigError(f"connector {instance.name}: there is no connector {instance.kind!r}")
    if instance.is_sink:
        unknown = sorted(set(instance.options) - set(manifests[instance.kind].options))
        if unknown:  # a sink may open what it writes to: it is not built here
            raise ConnectorConfigError(f"connector {instance.name}: option {unknown[0]!r} is not known")
        return
    instance.build_source(context)
