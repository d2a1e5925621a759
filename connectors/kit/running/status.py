"""What the connectors of a process do: Prometheus metrics, and a page of JSON over HTTP."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from connectors.kit.running.pacing import ConnectorCounters
from connectors.kit.transports.http_listener import HttpListeners
from schemas.clock import Clock

_LABELS = ["connector", "kind"]


@dataclass(frozen=True, slots=True)
class Watched:
    """A connector that is watched.

    Attributes:
        name: name of the instance.
        kind: name of the connector.
        role: ``source`` or ``sink``.
        counters: what it has done.
        connector: the source or sink itself; its ``findings`` and ``is_connected`` are shown where it has them.
    """

    name: str
    kind: str
    role: str
    counters: ConnectorCounters
    connector: Any


class ConnectorMetrics(Collector):
    """The counters of connectors as Prometheus metrics."""

    def __init__(self, watched: Sequence[Watched]) -> None:
        self._watched = watched

    def collect(self) -> Iterable[Metric]:
        """Return the metrics as they are now."""
        sums = {
            "accepted": "Records that were taken.",
            "unavailable": "How often the other system or the broker did not answer.",
            "cursor_writes": "How often the position was stored.",
        }
        for name, text in sums.items():
            family = CounterMetricFamily(f"goldentime_connector_{name}", text, labels=_LABELS)
            for w in self._watched:
                family.add_metric([w.name, w.kind], getattr(w.counters, name))
            yield family
        refused = CounterMetricFamily(
            "goldentime_connector_refused", "Entries that were refused.", labels=[*_LABELS, "topic", "reason"]
        )
        findings = CounterMetricFamily(
            "goldentime_connector_findings", "What was noticed in entries.", labels=[*_LABELS, "finding"]
        )
        waiting = GaugeMetricFamily("goldentime_connector_waiting", "Records on their way.", labels=_LABELS)
        last = GaugeMetricFamily(
            "goldentime_connector_last_entry_seconds", "Time of the newest entry since the epoch.", labels=_LABELS
        )
        for w in self._watched:
            for (topic, reason), count in list(w.counters.refusals.items()):
                refused.add_metric([w.name, w.kind, topic, reason], count)
            for finding, count in list(getattr(w.connector, "findings", {}).items()):
                findings.add_metric([w.name, w.kind, finding], count)
            waiting.add_metric([w.name, w.kind], w.counters.waiting)
            if w.counters.last_entry_us is not None:
                last.add_metric([w.name, w.kind], w.counters.last_entry_us / 1_000_000)
        yield from (refused, findings, waiting, last)


class StatusPage:
    """Answers ``/metrics``, ``/connectors`` and ``/healthz`` at an address.

    Args:
        watched: the connectors.
        clock: gives the age of the newest entry.
        listeners: the HTTP servers of the process.
    """

    PATHS = ("/metrics", "/connectors", "/healthz")

    def __init__(self, watched: Sequence[Watched], clock: Clock, listeners: HttpListeners) -> None:
        self._watched = watched
        self._clock = clock
        self._listeners = listeners
        self._registry = CollectorRegistry()
        self._registry.register(ConnectorMetrics(watched))

    async def start(self, host: str, port: int) -> None:
        """Listen; :meth:`stop` ends it.

        Raises:
            SourceUnavailableError: the address cannot be listened on.
        """
        for path in self.PATHS:
            await self._listeners.join(host, port, path, self._answer)

    async def stop(self, host: str, port: int) -> None:
        """Listen no longer."""
        for path in self.PATHS:
            await self._listeners.leave(host, port, path)

    def state(self) -> list[dict[str, Any]]:
        """Return what each connector does, as ``/connectors`` shows it."""
        return [self._state_of(watched) for watched in self._watched]

    def _state_of(self, watched: Watched) -> dict[str, Any]:
        counters = watched.counters
        age_s = None
        if counters.last_entry_us is not None:
            age_s = round((self._clock.now_us() - counters.last_entry_us) / 1_000_000, 3)
        findings: Mapping[str, int] = getattr(watched.connector, "findings", {})
        return {
            "name": watched.name,
            "kind": watched.kind,
            "role": watched.role,
            "state": "pausing" if counters.last_error else "running",
            "connected": getattr(watched.connector, "is_connected", None),
            "accepted": counters.accepted,
            "refused": counters.refused,
            "waiting": counters.waiting,
            "unavailable": counters.unavailable,
            "last_entry_age_s": age_s,
            "last_error": counters.last_error,
            "findings": dict(findings),
        }

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        if request.path == "/metrics":
            return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
        if request.path == "/connectors":
            return web.json_response(self.state())
        pausing = [state["name"] for state in self.state() if state["state"] == "pausing"]
        return web.json_response({"ok": not pausing, "pausing": pausing}, status=503 if pausing else 200)
