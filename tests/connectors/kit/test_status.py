"""Metrics and status of the connectors of a process, read over HTTP as Prometheus and people do."""

import json
from types import SimpleNamespace

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from connectors.kit.running.pacing import ConnectorCounters
from connectors.kit.running.status import StatusPage, Watched
from connectors.kit.transports.http_listener import HttpListeners
from tests.connectors.local_context import NOON_US, StillClock


async def pages(*watched: Watched) -> dict[str, tuple[int, str]]:
    listeners = HttpListeners()
    page = StatusPage(watched, StillClock(), listeners)
    await page.start("127.0.0.1", 0)
    try:
        found = {}
        async with aiohttp.ClientSession() as session:
            for path in StatusPage.PATHS:
                async with session.get(f"http://127.0.0.1:{listeners.port_of('127.0.0.1', 0)}{path}") as answer:
                    found[path] = (answer.status, await answer.text())
        return found
    finally:
        await page.stop("127.0.0.1", 0)


def a_watched(**counts: int | str) -> Watched:
    counters = ConnectorCounters(accepted=7, refused=1, last_entry_us=NOON_US - 2_000_000)
    counters.refusals["incidents", "unknown-code"] += 1
    for name, value in counts.items():
        setattr(counters, name, value)
    source = SimpleNamespace(findings={"clock-skew": 3}, is_connected=True)
    return Watched("112-seoul", "police_112", "source", counters, source)


async def test_each_connector_has_its_metrics() -> None:
    found = await pages(a_watched())
    samples = {
        (sample.name, sample.labels.get("reason") or sample.labels.get("finding")): sample.value
        for family in text_string_to_metric_families(found["/metrics"][1])
        for sample in family.samples
        if sample.labels["connector"] == "112-seoul"
    }

    assert samples["goldentime_connector_accepted_total", None] == 7
    assert samples["goldentime_connector_refused_total", "unknown-code"] == 1
    assert samples["goldentime_connector_findings_total", "clock-skew"] == 3
    assert samples["goldentime_connector_last_entry_seconds", None] == NOON_US / 1_000_000 - 2


async def test_the_page_says_what_each_does_and_since_when_it_is_quiet() -> None:
    found = await pages(a_watched())

    (state,) = json.loads(found["/connectors"][1])
    assert (state["name"], state["state"], state["connected"], state["last_entry_age_s"]) == (
        "112-seoul",
        "running",
        True,
        2.0,
    )
    assert found["/healthz"][0] == 200


async def test_a_connector_whose_system_is_away_makes_the_process_unhealthy_and_is_named() -> None:
    found = await pages(a_watched(last_error="the feed does not answer"))

    assert found["/healthz"][0] == 503
    assert json.loads(found["/healthz"][1]) == {"ok": False, "pausing": ["112-seoul"]}
