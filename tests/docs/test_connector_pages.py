"""The pages of connectors are followed from their first line, with a real broker and the outside played."""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.onvif_ptz.simulated import SimulatedHead
from tests.connectors.postgis import server as postgres
from tests.docs.following import Reader
from tests.docs.pages import CONNECTOR_PAGES
from tests.docs.surroundings import SECRET, Loop, Surroundings, surroundings
from tests.support.mosquitto_server import mosquitto_binary

pytestmark = pytest.mark.slow
# Their JSON blocks show what they send.
SINKS = ("guardian_notice", "ngsi_ld_entities", "vms_webhook")


@contextmanager
def around_page(page: Path, folder: Path) -> Iterator[Surroundings]:
    """Give the surroundings of a connector's page with the system that it speaks to."""
    mqtt = any(word in page.read_text("utf-8") for word in ('"mqtt"', "mqtt.example", "mqtt_sensors"))
    if mqtt and mosquitto_binary() is None:
        pytest.skip("mosquitto is not installed")
    if page.stem == "postgis" and (reason := postgres.missing()):
        pytest.skip(reason)
    with ExitStack() as stack:
        around = stack.enter_context(surroundings(folder, sys.executable, mqtt=mqtt))
        if page.stem == "postgis":
            database = stack.enter_context(postgres.running_postgres())
            around.database_port = database.port
            around.environment |= {"PGPORT": str(database.port), "PGPASSWORD": postgres.PASSWORD}
            around.environment |= dict.fromkeys(("DECISIONS_PASSWORD", "REPORTER_PASSWORD"), postgres.PASSWORD)
        if page.stem == "onvif_ptz":
            loop, head = stack.enter_context(Loop()), SimulatedHead()
            head.password = SECRET
            loop.wait_for(head.__aenter__())
            stack.callback(lambda: loop.wait_for(head.__aexit__(None, None, None)))
            around.head = head.url.removesuffix("/onvif/device_service")
        yield around


@pytest.mark.parametrize("page", CONNECTOR_PAGES, ids=lambda p: p.stem)
def test_a_page_can_be_followed(page: Path, tmp_path: Path) -> None:
    with around_page(page, tmp_path) as around:
        reader = Reader(page, around)
        followed = reader.follow()

    assert followed.served
    shown = [json.loads(payload) for block in reader.layout.blocks for payload in block.payloads()]
    if page.stem in SINKS:
        told = [item for body in around.called.told for item in _items(json.loads(body))]
        assert [block for block in shown if not any(has_shape(block, item) for item in told)] == [], told
    if page.stem == "link_gateway":
        assert has_shape(shown[1], json.loads(followed.answers["links"]))


def _items(body: Any) -> list[Any]:
    return body if isinstance(body, list) else [body]


def has_shape(shown: Any, told: Any) -> bool:
    """Return whether everything that a page shows is there, of the same kind."""
    if isinstance(shown, dict):
        return isinstance(told, dict) and all(name in told and has_shape(shown[name], told[name]) for name in shown)
    if isinstance(shown, list):
        return isinstance(told, list) and (not shown or not told or has_shape(shown[0], told[0]))
    number = isinstance(shown, int | float) and isinstance(told, int | float)
    return shown is None or told is None or number or type(shown) is type(told)
