"""What ngsi_ld_entities writes into a context broker."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import connectors.ngsi_ld_entities as package
from connectors.kit.errors import SinkUnavailableError
from connectors.kit.manifest import build_sink
from connectors.kit.reading.json_records import record_from_json
from connectors.kit.sink import Delivered
from connectors.ngsi_ld_alerts.parse import OWN_IDS
from connectors.ngsi_ld_entities.parse import ALERT_IDS, alert_id_of, camera_id_of
from schemas.camera import Camera
from schemas.camera_assignment import CameraAssignment
from schemas.topics import CAMERA_ASSIGNMENTS, CAMERAS
from tests.connectors.local_context import NOON_US, a_context
from tests.connectors.ngsi_ld_entities.broker import Broker
from tests.support.connector_suite import SinkSamples, sink_suite

EXAMPLES = Path(package.__file__).parent / "examples"


def example(kind: Any, name: str) -> Any:
    return record_from_json(kind, json.loads((EXAMPLES / name).read_text("utf-8")))


CAMERA: Camera = example(Camera, "camera.json")
ACTIVE: CameraAssignment = example(CameraAssignment, "active.json")
RELEASED: CameraAssignment = example(CameraAssignment, "released.json")
RECORDS = [
    CAMERA,
    replace(CAMERA, camera_id="jongno-1", event_id="cctv:2"),
    ACTIVE,
    replace(ACTIVE, version=2, event_id="x/2", rank=0),
]

TestNgsiLdEntities = sink_suite(
    "ngsi_ld_entities",
    SinkSamples(outside=Broker, records=RECORDS, secret_option="token_file", writes_each=False, tells_forgotten=True),
)


def delivered(records: Sequence[Any]) -> list[Delivered]:
    return [
        Delivered(topic, 0, offset, topic.key_of(record), record)
        for offset, record in enumerate(records)
        for topic in [CAMERAS if isinstance(record, Camera) else CAMERA_ASSIGNMENTS]
    ]


async def written(broker: Broker, records: Sequence[Any], **options: Any) -> Any:
    sink = build_sink("ngsi_ld_entities", {**broker.options, **options}, a_context())
    try:
        await sink.write(records if isinstance(records[0], Delivered) else delivered(records))
    finally:
        await sink.close()
    return sink


def by_id(broker: Broker, tenant: str = "") -> dict[str, Any]:
    return broker.tenants.get(tenant, {})


async def test_a_case_is_an_alert_whose_cameras_are_entities_of_the_same_broker() -> None:
    async with Broker() as broker:
        await written(broker, RECORDS)
        entities = by_id(broker)
        alert = entities[alert_id_of(ACTIVE.case_id)]
        assert broker.broken == []
        assert [value["object"] for value in alert["assignedCamera"]] == [
            camera_id_of("jongno-0"),
            camera_id_of("jongno-1"),
        ]
        assert {value["object"] for value in alert["assignedCamera"]} <= set(entities)
        assert alert["severity"]["value"] == "critical"  # the newest version of the batch
        assert broker.paths[0].endswith("options=update")  # cameras come first, and what others added to them stays


async def test_a_release_and_a_tombstone_remove_the_alert_and_a_tombstone_the_camera() -> None:
    async with Broker() as broker:
        await written(broker, RECORDS)
        await written(broker, [RELEASED])
        assert alert_id_of(ACTIVE.case_id) not in by_id(broker)
        await written(broker, [ACTIVE])
        gone = [
            Delivered(CAMERA_ASSIGNMENTS, 0, 1, ACTIVE.case_id.encode(), None),
            Delivered(CAMERAS, 0, 2, b"jongno-1", None),
        ]
        await written(broker, gone)
        assert set(by_id(broker)) == {camera_id_of("jongno-0")}
        assert broker.broken == []


async def test_what_others_added_to_a_camera_stays_and_an_alert_is_replaced_whole() -> None:
    async with Broker() as broker:
        await written(broker, RECORDS)
        by_id(broker)[camera_id_of("jongno-0")]["streamName"] = {"type": "Property", "value": "of the video centre"}
        await written(broker, [CAMERA, replace(ACTIVE, cameras=(), version=3)])
        assert "streamName" in by_id(broker)[camera_id_of("jongno-0")]
        assert "assignedCamera" not in by_id(broker)[alert_id_of(ACTIVE.case_id)]


async def test_entities_go_to_the_named_tenant() -> None:
    async with Broker() as broker:
        await written(broker, RECORDS, tenant="seoul")
        assert len(by_id(broker, "seoul")) == 3
        assert by_id(broker) == {}


@pytest.mark.parametrize("services", [("dementia",), ("child",), ("police",), ("disaster", "police")])
async def test_cases_of_persons_and_of_the_police_are_not_told(services: tuple[str, ...]) -> None:
    async with Broker() as broker:
        await written(broker, [replace(ACTIVE, services=services)])
        assert by_id(broker) == {}
        await written(broker, [replace(ACTIVE, services=services)], services=list(services))
        assert len(by_id(broker)) == 1


@pytest.mark.parametrize(
    ("occurred_us", "issued"), [(2**63 - 1, "2200-01-01T00:00:00"), (-(2**63), "1900-01-01T00:00:00")]
)
async def test_a_time_that_is_none_stops_nothing(occurred_us: int, issued: str) -> None:
    async with Broker() as broker:
        await written(broker, [replace(ACTIVE, occurred_us=occurred_us)])
        assert issued in json.dumps(broker.taken())


async def test_a_case_that_the_police_join_is_taken_back() -> None:
    async with Broker() as broker:
        await written(broker, [ACTIVE])
        await written(broker, [replace(ACTIVE, version=2, services=("disaster", "police"))])
        assert by_id(broker) == {}


async def test_a_case_whose_validity_is_over_is_not_written_and_one_that_was_is_taken_back() -> None:
    lapsed = replace(ACTIVE, version=2, valid_until_us=NOON_US)
    async with Broker() as broker:
        await written(broker, [ACTIVE, lapsed])
        assert by_id(broker) == {}
        await written(broker, [ACTIVE])
        await written(broker, [lapsed])
        assert by_id(broker) == {}
        await written(broker, [replace(lapsed, version=3, valid_until_us=NOON_US + 1)])
        assert len(by_id(broker)) == 1


async def test_drills_are_told_only_on_demand_and_then_marked() -> None:
    drill = replace(ACTIVE, exercise=True)
    async with Broker() as broker:
        await written(broker, [drill])
        assert by_id(broker) == {}
        await written(broker, [drill], exercises=True)
        assert by_id(broker)[alert_id_of(ACTIVE.case_id)]["exercise"]["value"] is True


async def test_nothing_of_a_case_leads_to_a_person() -> None:
    async with Broker() as broker:
        await written(broker, [replace(ACTIVE, case_id="pseudonym-of-a-person")])
        shown = json.dumps(broker.taken())
        assert "pseudonym" not in shown
        assert "heading" not in shown
        assert "DISASTER" not in shown


async def test_an_entity_that_is_refused_harms_no_neighbour() -> None:
    for whole in (False, True):
        async with Broker() as broker:
            broker.refused_ids, broker.whole_batches = {camera_id_of("jongno-0")}, whole
            sink = await written(broker, RECORDS)
            assert set(by_id(broker)) == {camera_id_of("jongno-1"), alert_id_of(ACTIVE.case_id)}
            assert sink.findings["refused"] == 1


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
async def test_a_broker_that_does_not_let_us_in_loses_nothing(status: int) -> None:
    async with Broker() as broker:
        broker.fail(1, status)
        with pytest.raises(SinkUnavailableError):
            await written(broker, RECORDS)
        await written(broker, RECORDS)
        assert len(by_id(broker)) == 3


async def test_a_case_that_is_not_told_is_deleted_once_and_not_at_every_version() -> None:
    async with Broker() as broker:
        sink = build_sink("ngsi_ld_entities", broker.options, a_context())
        for version in range(1, 6):
            await sink.write(delivered([replace(ACTIVE, services=("police",), version=version)]))
        await sink.close()
        assert broker.calls == 1


async def test_a_thousand_cameras_come_in_batches() -> None:
    async with Broker() as broker:
        cameras = [replace(CAMERA, camera_id=f"카메라 {number}") for number in range(250)]
        await written(broker, cameras)
        assert (len(by_id(broker)), broker.calls, broker.broken) == (250, 3, [])


def test_the_source_for_alerts_knows_our_own() -> None:
    assert OWN_IDS == ALERT_IDS
