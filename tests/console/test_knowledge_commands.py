"""What was learned of a camera is shown in sentences, and forgotten by one record on the topic of the desk."""

import base64
import json
from collections.abc import Iterator

import numpy as np
import pytest

from console.embedded_broker import EmbeddedBroker
from console.topic_reader import open_topic
from pipeline.learning.knowledge import Registered, View, learn, observed
from schemas.camera_knowledge import CameraKnowledge
from schemas.topics import CAMERA_KNOWLEDGE, CAMERA_OBSERVATIONS
from tests.console.commands import call
from tests.console.topics import write_records

CAMERA = "cam-known"


def what_is_known() -> CameraKnowledge:
    north_m = np.arange(5.0, 30.0, 5.0)
    look = observed(
        event_id="look:1",
        camera_id=CAMERA,
        observed_us=1_770_000_000_000_000,
        seen=True,
        reliability=0.97,
        east_m=np.zeros(5),
        north_m=north_m,
        mass=np.full(5, 0.2),
        expected=np.full(5, 0.4),
        registered=Registered(basis=1, kind="ptz", azimuth_deg=None, error_m=15.0),
        view=View(
            observe_m=31.3, pan_deg=0.0, field_deg=60.0, seen_rate=0.4, weak_seen_rate=0.12, clutter_scale_m=200.0
        ),
    )
    assert look is not None
    return learn(None, look)


@pytest.fixture(scope="module")
def with_knowledge() -> Iterator[EmbeddedBroker]:
    """Give a broker on which something is known of one camera."""
    with EmbeddedBroker() as broker:
        call("topics", "create", broker=broker)
        write_records(broker.bootstrap_servers, "demo.camera-knowledge", CAMERA_KNOWLEDGE, [what_is_known()])
        yield broker


def test_knowledge_is_shown_in_sentences(with_knowledge: EmbeddedBroker) -> None:
    result = call("cameras", "knowledge", "show", CAMERA, broker=with_knowledge)
    assert result.exit_code == 0, result.output
    assert "1 look so far, 1 sighting" in result.output
    assert "The pole" in result.output


def test_knowledge_as_json_is_the_whole_record(with_knowledge: EmbeddedBroker) -> None:
    told = json.loads(call("cameras", "knowledge", "show", CAMERA, "--json", broker=with_knowledge).stdout)
    known = what_is_known()
    assert told["factors"] == list(known.factors)
    assert base64.b64decode(told["evidence"]) == known.evidence


def test_a_reset_is_one_observation_that_makes_the_desk_forget(with_knowledge: EmbeddedBroker) -> None:
    result = call("cameras", "knowledge", "reset", CAMERA, "--actor", "op-7", "--json", broker=with_knowledge)
    assert result.exit_code == 0, result.output
    options = {"bootstrap_servers": [with_knowledge.bootstrap_servers]}
    with open_topic(options, CAMERA_OBSERVATIONS, "demo.camera-observations") as reader:
        (order,) = [read for read in reader.to_end() if read.key == CAMERA]
    assert order.record.event_id == json.loads(result.stdout)["event_id"]
    forgotten = learn(what_is_known(), order.record)
    assert (forgotten.looks, forgotten.reset_by) == (0, "op-7")


@pytest.mark.parametrize("arguments", [("show", "no-such"), ("reset", "no-such", "--actor", "op-7")])
def test_a_camera_of_which_nothing_is_known_is_a_finding(
    with_knowledge: EmbeddedBroker, arguments: tuple[str, ...]
) -> None:
    result = call("cameras", "knowledge", *arguments, broker=with_knowledge)
    assert result.exit_code == 1
    assert "nothing was learned about camera 'no-such'" in result.output


def test_a_reset_needs_somebody_who_orders_it(with_knowledge: EmbeddedBroker) -> None:
    assert call("cameras", "knowledge", "reset", CAMERA, broker=with_knowledge).exit_code == 2
    assert call("cameras", "knowledge", "reset", CAMERA, "--actor", "", broker=with_knowledge).exit_code == 2
