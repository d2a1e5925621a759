"""Read a city's ``projections.toml``: which agency may see what, and who may read and write which topics."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import PolicyError
from pipeline.rules.policy import Policy
from pipeline.rules.policy_fields import PolicyFields
from schemas.topics import Topic
from schemas.written_topics import projection_topic
from topologies.projections import NEEDS_WHERE, OF_ALL_OWNERS, ROLE_SEPARATOR, SHOWABLE, Projection

FILE_NAME = "projections.toml"
FILE_BYTES_MAX = 1 << 20
# A district centre each and some services; every one is a topic.
PROJECTIONS_MAX = 200
# What Kafka allows in a topic's name, in the style of the contract.
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,60}[a-z0-9])?\Z")
# Kafka's own form. Quotes, blanks and the like would break out of the lines made of it.
_PRINCIPAL = re.compile(r"User:[A-Za-z0-9._@=,/+-]{1,200}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class CityAccess:
    """Who may do what with a city's topics.

    Attributes:
        projections: what each agency may see.
        workers: principals of the workers.
        connectors: principals of connectors, which write the inputs.
        sinks: principals of connectors that also read: sinks, the link gateway, registries that compare.
        centre: principals that read the whole assignments and write orders and sightings.
    """

    projections: tuple[Projection, ...] = ()
    workers: tuple[str, ...] = ()
    connectors: tuple[str, ...] = ()
    sinks: tuple[str, ...] = ()
    centre: tuple[str, ...] = ()

    def topics(self) -> tuple[Topic, ...]:
        """Return the topics of the projections."""
        return tuple(projection_topic(projection.name) for projection in self.projections)


def load_access(folder: Path, policy: Policy) -> CityAccess:
    """Return what a city's folder says; nothing where it has no such file.

    Args:
        folder: of the city.
        policy: of the city; its recipients are the agencies there are.

    Raises:
        PolicyError: the file is not usable, or a field breaks a rule; the message names it.
    """
    path = folder / FILE_NAME
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise PolicyError(f"{FILE_NAME} must have at most {FILE_BYTES_MAX} bytes, got {path.stat().st_size}")
        table = tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        return CityAccess()
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PolicyError(f"{FILE_NAME}: {error}") from error
    except OSError as error:
        raise PolicyError(f"{FILE_NAME} cannot be read: {error.strerror or type(error).__name__}") from error
    return access_from(table, policy)


def access_from(table: dict[str, Any], policy: Policy) -> CityAccess:
    """Return the access that a parsed file describes; see :func:`load_access`."""
    fields = PolicyFields(FILE_NAME, table)
    agencies = sorted({name.partition(ROLE_SEPARATOR)[0] for name in _recipients(policy)})
    projections = tuple(_projection(one, agencies) for one in fields.tables("projection"))
    if len(projections) > PROJECTIONS_MAX:
        raise fields.error("projection", f"must be at most {PROJECTIONS_MAX}, got {len(projections)}")
    names = [projection.name for projection in projections]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise fields.error("projection", f"names must differ, got {twice[0]!r} twice")
    people = fields.table("access")
    access = CityAccess(
        projections=projections,
        workers=_principals(people, "workers"),
        connectors=_principals(people, "connectors"),
        sinks=_principals(people, "sinks"),
        centre=_principals(people, "centre"),
    )
    people.done()
    fields.done()
    return access


def _recipients(policy: Policy) -> list[str]:
    return [recipient.name for recipient in policy.recipients] + list(policy.exercise_recipients)


def _projection(fields: PolicyFields, agencies: list[str]) -> Projection:
    name = fields.text("name")
    if not _NAME.match(name):
        raise fields.error("name", f"must be small letters, digits and hyphens, got {name!r}")
    agency = fields.text("agency")
    if agency not in agencies:
        raise fields.error("agency", f"must be one of agencies.toml ({', '.join(agencies)}), got {agency!r}")
    shows, owners = frozenset(fields.members("shows", SHOWABLE)), frozenset(fields.texts("owners"))
    _check(fields, shows, owners)
    projection = Projection(
        name=name,
        agency=agency,
        principals=_principals(fields, "principals"),
        shows=shows,
        owners=owners,
        exercise=fields.flag("exercise"),
    )
    fields.done()
    return projection


def _check(fields: PolicyFields, shows: frozenset[str], owners: frozenset[str]) -> None:
    """Refuse what would show more than it seems to."""
    for inner in sorted(shows):
        outer, _, _ = inner.partition(".")
        if outer not in shows:
            raise fields.error("shows", f"must have {outer} where it has {inner}")
    if "where" not in shows and (telling := [name for name in NEEDS_WHERE if name in shows]):
        raise fields.error("shows", f"must have where with {telling[0]}, which tells it too")
    if owners and (foreign := [name for name in OF_ALL_OWNERS if name in shows]):
        raise fields.error("shows", f"must not have {foreign[0]} with owners: it tells of cameras of others")


def _principals(fields: PolicyFields, name: str) -> tuple[str, ...]:
    principals = fields.texts(name)
    for principal in principals:
        if not _PRINCIPAL.match(principal):
            raise fields.error(name, f"must be Kafka principals such as User:police, got {principal!r}")
    return principals
