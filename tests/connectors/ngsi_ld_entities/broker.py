"""A small context broker that keeps to the rules of ETSI GS CIM 009 for batch upserts and deletes, and checks them."""

import asyncio
import json
import re
from datetime import datetime
from types import TracebackType
from typing import Any

from aiohttp import web

from tests.support.loopback import LoopbackServer

URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class RuleBrokenError(Exception):
    """A rule of the API is broken."""


class Broker:
    """Entities by tenant, over HTTP; use it as an async context manager.

    Attributes:
        options: what leads a sink here.
        tenants: entities by id, by tenant.
        calls: how many calls came.
        paths: paths and queries of the calls that were understood.
        broken: rules that a call broke, in words.
        refused_ids: entities it does not take, whatever they say.
    """

    def __init__(self, **options: Any) -> None:
        self.options: dict[str, Any] = dict(options)
        self.tenants: dict[str, dict[str, dict[str, Any]]] = {}
        self.calls = 0
        self.paths: list[str] = []
        self.broken: list[str] = []
        self.refused_ids: set[str] = set()
        self.whole_batches = False
        self._failures: list[int] = []
        self._hangs = False
        self._server = LoopbackServer(self._take)

    async def __aenter__(self) -> "Broker":
        """Start on a free port."""
        self.options["url"] = await self._server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        await self._server.stop()

    def taken(self) -> list[Any]:
        """Return all entities, by id."""
        return [
            json.loads(json.dumps(entities[number], sort_keys=True))
            for _, entities in sorted(self.tenants.items())
            for number in sorted(entities)
        ]

    def fail(self, times: int, status: int = 503) -> None:
        """Answer the next calls with an error."""
        self._failures += [status] * times

    def hang(self) -> None:
        """Answer nothing from now on."""
        self._hangs = True

    async def _take(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        self.calls += 1
        if self._hangs:
            await asyncio.sleep(60)
        if self._failures:
            return web.Response(status=self._failures.pop(0))
        try:
            return self._done(request, json.loads(body))
        except (RuleBrokenError, ValueError, KeyError, TypeError) as error:
            self.broken.append(f"{type(error).__name__}: {error}")
            problem = {"type": "https://uri.etsi.org/ngsi-ld/errors/BadRequestData", "title": str(error)}
            return web.json_response(problem, status=400)

    def _done(self, request: web.BaseRequest, items: Any) -> web.Response:
        path, content = request.rel_url.path, request.headers.get("Content-Type", "")
        entities = self.tenants.setdefault(request.headers.get("NGSILD-Tenant", ""), {})
        _rule(request.method == "POST" and isinstance(items, list) and items, "a batch is a POST of an array")
        self.paths.append(str(request.rel_url))
        if path == "/ngsi-ld/v1/entityOperations/delete":
            _rule(content == "application/json", "ids are plain JSON")
            missing = [number for number in items if entities.pop(_uri(number), None) is None]
            if not missing:
                return web.Response(status=204)
            return _multi(sorted(set(items) - set(missing)), dict.fromkeys(missing, 404))
        _rule(path == "/ngsi-ld/v1/entityOperations/upsert", f"no such operation: {path}")
        _rule(content == "application/ld+json", "entities with a context are application/ld+json")
        _rule(len({item["id"] for item in items}) == len(items), "an entity stands in a batch once")
        for item in items:
            _entity(item)
        refused = {item["id"]: 400 for item in items if item["id"] in self.refused_ids}
        if refused and self.whole_batches:
            raise RuleBrokenError("an entity of the batch is refused")
        updates = request.query.get("options") == "update"
        created = [item["id"] for item in items if item["id"] not in entities and item["id"] not in refused]
        for item in items:
            if item["id"] not in refused:
                known = entities.get(item["id"], {}) if updates else {}
                entities[item["id"]] = {**known, **item}
        if refused:
            return _multi(sorted(entities), refused)
        return web.json_response(created, status=201) if created else web.Response(status=204)


def _multi(success: list[str], failed: dict[str, int]) -> web.Response:
    names = {404: "ResourceNotFound", 400: "BadRequestData"}
    errors = [
        {"entityId": number, "error": {"type": f"https://uri.etsi.org/ngsi-ld/errors/{names[s]}", "status": s}}
        for number, s in failed.items()
    ]
    return web.json_response({"success": success, "errors": errors}, status=207)


def _entity(entity: Any) -> None:
    """Check an entity in normalised form (clauses 4.5, 5.2.4)."""
    _uri(entity["id"])
    _rule(NAME.fullmatch(entity["type"]), "type is a name")
    contexts = entity["@context"]
    _rule(all(URI.fullmatch(one) for one in contexts) and contexts, "@context holds URIs")
    for name, value in entity.items():
        if name not in ("id", "type", "@context"):
            _rule(NAME.fullmatch(name), f"{name} is no name")
            values = value if isinstance(value, list) else [value]
            datasets = [one.get("datasetId") for one in values]
            _rule(len(set(datasets)) == len(values), f"{name}: values differ in datasetId")
            for one in values:
                _attribute(name, one)


def _attribute(name: str, attribute: Any) -> None:
    kind = attribute["type"]
    if kind == "Relationship":
        _uri(attribute["object"])
    elif kind == "GeoProperty":
        geometry = attribute["value"]
        longitude, latitude = geometry["coordinates"]
        _rule(geometry["type"] == "Point" and abs(longitude) <= 180 and abs(latitude) <= 90, f"{name}: no point")
    else:
        _rule(kind == "Property", f"{name}: no attribute type {kind}")
        value = attribute["value"]
        _rule(value not in (None, [], {}), f"{name}: a value is never null or empty")
        if isinstance(value, dict) and value.get("@type") == "DateTime":
            _rule(value["@value"].endswith("Z"), f"{name}: times are UTC")
            datetime.fromisoformat(value["@value"])
    if "datasetId" in attribute:
        _uri(attribute["datasetId"])
    for sub, value in attribute.items():
        if sub not in ("type", "value", "object", "datasetId", "unitCode", "observedAt"):
            _attribute(f"{name}.{sub}", value)


def _uri(number: Any) -> str:
    _rule(isinstance(number, str) and URI.fullmatch(number), f"not a URI: {number!r}")
    return str(number)


def _rule(holds: Any, words: str) -> None:
    if not holds:
        raise RuleBrokenError(words)
