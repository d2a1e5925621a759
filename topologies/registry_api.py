"""The read-only calls of a schema registry, answered from the published schemas in the registry's own JSON."""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from schemas.registry import PublishedSchema, published_schemas
from schemas.topics import TOPICS, prefixed

CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
SUBJECT_NOT_FOUND, VERSION_NOT_FOUND, SCHEMA_NOT_FOUND = 40401, 40402, 40403
INVALID_VERSION = 42202


class RegistryApi:
    """Answers ``/schemas/ids/{id}`` and ``/subjects/…``; subjects are ``<topic>-value`` with and without prefix."""

    def __init__(self, prefix: str) -> None:
        full_name = prefixed(prefix)
        self._record_of: dict[str, str] = {}
        for topic in TOPICS:
            for name in (topic.name, full_name(topic.name)):
                self._record_of[f"{name}-value"] = topic.record.__name__

    def add_to(self, app: web.Application) -> None:
        """Add the routes to a web application."""
        app.router.add_get("/schemas/ids/{schema_id}", self._schema_by_id)
        app.router.add_get("/subjects", self._subjects)
        app.router.add_get("/subjects/{subject}/versions", self._versions)
        app.router.add_get("/subjects/{subject}/versions/{version}", self._version)

    async def _schema_by_id(self, request: web.Request) -> web.Response:
        text = request.match_info["schema_id"]
        schema = published_schemas().get(int(text)) if text.isascii() and text.isdigit() else None
        if schema is None:
            return _error(404, SCHEMA_NOT_FOUND, "Schema not found")
        return _answer({"schema": _text(schema)})

    async def _subjects(self, request: web.Request) -> web.Response:
        return _answer(sorted(self._record_of))

    async def _versions(self, request: web.Request) -> web.Response:
        versions = self._versions_of(request.match_info["subject"])
        if not versions:
            return _error(404, SUBJECT_NOT_FOUND, "Subject not found")
        return _answer(sorted(versions))

    async def _version(self, request: web.Request) -> web.Response:
        subject, wanted = request.match_info["subject"], request.match_info["version"]
        versions = self._versions_of(subject)
        if not versions:
            return _error(404, SUBJECT_NOT_FOUND, "Subject not found")
        if wanted in ("latest", "-1"):
            number = max(versions)
        elif wanted.isascii() and wanted.isdigit():
            number = int(wanted)
        else:
            return _error(422, INVALID_VERSION, "The version must be a number or 'latest'")
        schema = versions.get(number)
        if schema is None:
            return _error(404, VERSION_NOT_FOUND, "Version not found")
        return _answer({"subject": subject, "id": schema.schema_id, "version": number, "schema": _text(schema)})

    def _versions_of(self, subject: str) -> Mapping[int, PublishedSchema]:
        record = self._record_of.get(subject)
        return {schema.version: schema for schema in published_schemas().values() if schema.record == record}


def _text(schema: PublishedSchema) -> str:
    return json.dumps(schema.schema, ensure_ascii=False, separators=(",", ":"))


def _answer(body: Any) -> web.Response:
    return web.Response(text=json.dumps(body, ensure_ascii=False), content_type=CONTENT_TYPE)


def _error(http_status: int, code: int, message: str) -> web.Response:
    body = json.dumps({"error_code": code, "message": message})
    return web.Response(text=body, status=http_status, content_type=CONTENT_TYPE)
