"""Registering the published schemas at a schema registry of the city's own, under the ids that our records carry.

A registry gives ids of its own choice, but every record on the topics begins with ours. So schemas are imported (the
registry's mode ``IMPORT``, as Confluent's has it): id and version are told with each. What is there already is left
alone; an id or a version that means something else there is refused before anything is written.
"""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from schemas.registry import PublishedSchema, published_schemas
from schemas.topics import TOPICS, Topic, prefixed
from topologies.errors import SchemaRegistryError, SettingsError

CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
TIMEOUT_S = 10.0
ANSWER_BYTES_MAX = 4 << 20
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class SchemaRegistry:
    """Where a schema registry is, and who we are there.

    Attributes:
        url: ``http://…`` or ``https://…``, with a path if need be; without user and password.
        user: for basic authentication; None for none.
        password: of the user; never printed.
    """

    url: str
    user: str | None = None
    password: str | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.query:
            raise SettingsError("schema_registry_url must be http://host or https://host without user and password")
        if (self.user is None) != (self.password is None):
            raise SettingsError("schema_registry_user and schema_registry_password_file belong together")

    def __repr__(self) -> str:
        return f"SchemaRegistry(url={self.url!r}, user={self.user!r})"


@dataclass(frozen=True, slots=True)
class RegistryReport:
    """What :func:`register_schemas` did: how many versions of subjects were registered, and how many were there."""

    registered: int
    existing: int


def register_schemas(registry: SchemaRegistry, prefix: str, topics: Sequence[Topic] = TOPICS) -> RegistryReport:
    """Register every version of the schemas of a city's topics, as ``<topic>-value``; as often as one likes.

    Args:
        registry: where it is, and who we are there.
        prefix: the city's topic prefix.
        topics: the city's topics.

    Raises:
        SchemaRegistryError: it does not answer, refuses us or the import of ids, or has another schema under an id or
            version of ours. Nothing is written in the last case.
    """
    client = _Client(registry)
    wanted = list(_wanted(prefix, topics))
    missing = [(subject, schema) for subject, schema in wanted if not _is_there(client, subject, schema)]
    for subject in dict.fromkeys(subject for subject, _ in missing):
        _import(client, subject, [schema for name, schema in missing if name == subject])
    return RegistryReport(len(missing), len(wanted) - len(missing))


def _wanted(prefix: str, topics: Sequence[Topic]) -> Iterator[tuple[str, PublishedSchema]]:
    """Yield (subject, schema), the versions of a subject in order."""
    full_name = prefixed(prefix)
    in_order = sorted(published_schemas().values(), key=lambda schema: schema.version)
    for topic in topics:
        for schema in in_order:
            if schema.record == topic.record.__name__:
                yield f"{full_name(topic.name)}-value", schema


def _is_there(client: "_Client", subject: str, schema: PublishedSchema) -> bool:
    """Return whether a version is registered as ours; raise if something else is in its place."""
    found = client.call("GET", f"/subjects/{quote(subject, safe='')}/versions/{schema.version}", may_miss=True)
    by_id = client.schema_of_id(schema.schema_id)
    if by_id is not None and by_id != schema.schema:
        raise SchemaRegistryError(
            f"{client.url}: id {schema.schema_id} is another schema there, but records carry it for "
            f"{schema.record} version {schema.version}; use a registry without schemas of others"
        )
    if found is None:
        return False
    if not isinstance(found, dict) or found.get("id") != schema.schema_id:
        got = found.get("id") if isinstance(found, dict) else None
        raise SchemaRegistryError(
            f"{client.url}: {subject} version {schema.version} has id {got}, but records carry {schema.schema_id}; "
            "delete the subject there, or use another registry"
        )
    return True


def _import(client: "_Client", subject: str, schemas: list[PublishedSchema]) -> None:
    """Register versions of one subject with their ids; its mode is afterwards what the registry has for all."""
    path = quote(subject, safe="")
    client.call("PUT", f"/mode/{path}?force=true", {"mode": "IMPORT"})
    try:
        for schema in schemas:
            told = {"schema": _text(schema.schema), "id": schema.schema_id, "version": schema.version}
            answer = client.call("POST", f"/subjects/{path}/versions", told)
            if not isinstance(answer, dict) or answer.get("id") != schema.schema_id:
                raise SchemaRegistryError(f"{client.url}: {subject} was not registered with id {schema.schema_id}")
    finally:
        client.call("DELETE", f"/mode/{path}", may_miss=True)


def _text(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":"))


class _Client:
    """The few calls that are needed, one after the other."""

    def __init__(self, registry: SchemaRegistry) -> None:
        self.url = registry.url.rstrip("/")
        self._headers = {"Content-Type": CONTENT_TYPE, "Accept": f"{CONTENT_TYPE}, application/json"}
        if registry.user is not None:
            pair = f"{registry.user}:{registry.password}".encode()
            self._headers["Authorization"] = "Basic " + base64.b64encode(pair).decode("ascii")
        self._by_id: dict[int, Any] = {}

    def schema_of_id(self, schema_id: int) -> Any:
        """Return the schema that the registry has under an id, parsed; None for none. Asked once for each."""
        if schema_id not in self._by_id:
            answer = self.call("GET", f"/schemas/ids/{schema_id}", may_miss=True)
            text = answer.get("schema") if isinstance(answer, dict) else None
            try:
                self._by_id[schema_id] = None if text is None else json.loads(text)
            except (TypeError, ValueError):
                self._by_id[schema_id] = text  # no Avro: somebody else's
        return self._by_id[schema_id]

    def call(self, method: str, path: str, body: Any = None, *, may_miss: bool = False) -> Any:
        """Return the answer's JSON; None where ``may_miss`` and there is nothing.

        Raises:
            SchemaRegistryError: there is no answer, or it is an error or no JSON.
        """
        data = None if body is None else json.dumps(body).encode()
        # The scheme was checked when the setting was read.
        request = urllib.request.Request(self.url + path, data, self._headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                return json.loads(answer.read(ANSWER_BYTES_MAX) or b"null")
        except urllib.error.HTTPError as error:
            with error:
                if may_miss and error.code == _NOT_FOUND:
                    return None
                raise SchemaRegistryError(f"{self.url}: {method} {path}: {_refusal(error)}") from error
        except (OSError, ValueError) as error:
            what = getattr(error, "reason", None) or type(error).__name__
            raise SchemaRegistryError(f"{self.url}: {method} {path}: no answer ({what})") from error


def _refusal(error: urllib.error.HTTPError) -> str:
    """Return the registry's word for why it refused, and what helps."""
    try:
        message = json.loads(error.read(ANSWER_BYTES_MAX)).get("message")
    except (OSError, ValueError, AttributeError):
        message = None
    text = f"HTTP {error.code}" + (f", {message}" if isinstance(message, str) else "")
    if error.code in (401, 403):
        text += "; see GOLDENTIME_SCHEMA_REGISTRY_USER and GOLDENTIME_SCHEMA_REGISTRY_PASSWORD_FILE"
    elif error.url and "/mode/" in error.url:
        text += "; ids can be told only to a registry that allows the mode IMPORT (mode.mutability)"
    return text
