"""The worker's own web server: metrics, health, status and the registry calls. Faust's is off."""

import json
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from topologies.camera_assignment import CameraAssignmentTopology
from topologies.health import Health, liveness, readiness, status
from topologies.registry_api import RegistryApi

CLOSE_TIMEOUT_S = 2.0


class WorkerWeb:
    """Serves a worker's endpoints.

    Args:
        topology: what is looked at.
        prefix: the city's topic prefix, for the registry's subjects.
        host: where to listen.
        port: the port; 0 takes a free one, ``port`` says which after ``start``.
    """

    def __init__(self, topology: CameraAssignmentTopology, prefix: str, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self._topology = topology
        self._registry: CollectorRegistry = topology.metrics.registry
        self._runner: web.AppRunner | None = None
        self._app = web.Application()
        self._app.router.add_get("/metrics", self._metrics)
        self._app.router.add_get("/livez", self._livez)
        self._app.router.add_get("/readyz", self._readyz)
        self._app.router.add_get("/status", self._status)
        RegistryApi(prefix).add_to(self._app)

    @property
    def url(self) -> str:
        """Base URL of the server."""
        return f"http://{self.host}:{self.port}"

    async def start(self) -> None:
        """Listen."""
        self._runner = web.AppRunner(self._app, access_log=None, shutdown_timeout=CLOSE_TIMEOUT_S)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.host, self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _livez(self, request: web.Request) -> web.Response:
        return _health_answer(liveness(self._topology), "alive")

    async def _readyz(self, request: web.Request) -> web.Response:
        return _health_answer(readiness(self._topology), "ready")

    async def _status(self, request: web.Request) -> web.Response:
        return _json(status(self._topology))


def _health_answer(health: Health, word: str) -> web.Response:
    return _json({word: health.good, "reasons": health.reasons}, 200 if health.good else 503)


def _json(body: Any, http_status: int = 200) -> web.Response:
    text = json.dumps(body, indent=2, ensure_ascii=False) + "\n"
    return web.Response(text=text, status=http_status, content_type="application/json")
