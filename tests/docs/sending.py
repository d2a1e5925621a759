"""What the outside sends to the connectors of a page: what the page shows, else the examples of the manifest."""

import hashlib
import hmac
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from kafka import KafkaProducer
from paho.mqtt import publish

from connectors.kit.examples import EXAMPLE_NOW_US, Example
from connectors.kit.manifest import Manifest
from connectors.kit.reading.json_records import record_from_json
from schemas.codec import encode
from schemas.topics import BY_NAME, CAMERA_ASSIGNMENTS, PROTECTED_SUBJECTS, Topic
from schemas.wandering_alert import WanderingAlert
from tests.connectors.link_gateway.gateways import assignment
from tests.docs.surroundings import SECRET, Surroundings
from tests.support.records import a_registration

# Where a device's message comes in, where neither page nor example say.
MQTT_TOPICS = {"things-stack": "v3/care@ttn/devices/watch/up", "camera_health": "south/x/health"}
# What a feed sends whose form is not that of the manifest's first example.
MQTT_SAMPLES = {
    "sensor_things": (
        "v1.1/Datastreams(31)/Observations",
        b'{"@iot.id": 9, "phenomenonTime": "2026-03-01T02:55:00Z", "result": 2.8}',
    )
}


def transport_of(manifest: Manifest, options: dict[str, Any]) -> str:
    """Return how an instance hears of the world: a transport, ``file``, ``sink`` or ``exchange``."""
    if manifest.source is None or manifest.kind in ("sink", "exchange"):
        return str(manifest.kind)
    first = manifest.transports[0] if manifest.transports else "file"
    default = manifest.options["transport"].default if "transport" in manifest.options else first
    return str(options.get("transport", default))


def samples(manifest: Manifest, transport: str, options: dict[str, Any]) -> list[Example]:
    """Return the examples that an instance accepts whole."""
    form = options.get("form", "")
    return [
        example
        for example in manifest.examples
        if example.events
        and not any("refused" in event for event in example.events)
        and example.options.get("transport", transport) == transport
        and (manifest.name != "lorawan" or (example.options.get("form", "") == form))
    ]


def push(around: Surroundings, manifest: Manifest, options: dict[str, Any], body: bytes) -> tuple[int, bytes]:
    """Send a body to a connector; return status and answer, 0 where nobody answers."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {SECRET}"}
    if any(name.startswith("hmac") for name in options):
        digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers[options.get("hmac_header", "X-Hub-Signature-256")] = f"sha256={digest}"
    path = options.get("url_path") or str(manifest.options["url_path"].default) or f"/in/{manifest.name}"
    request = urllib.request.Request(f"http://127.0.0.1:{around.push_port}{path}", data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return int(answer.status), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except OSError:
        return 0, b""


def publish_message(around: Surroundings, manifest: Manifest, options: dict[str, Any]) -> None:
    """Publish a message of a device; it is kept for whoever subscribes later."""
    assert around.mosquitto is not None
    topic, payload = MQTT_SAMPLES.get(manifest.name, ("", b""))
    if not topic:
        example = samples(manifest, "mqtt", options)[0]
        topic = example.origin or MQTT_TOPICS[options.get("form", manifest.name)]
        payload = example.payload
    publish.single(topic, payload, qos=1, retain=True, hostname="127.0.0.1", port=around.mosquitto.port)


def drop_file(around: Surroundings, manifest: Manifest, options: dict[str, Any], city: Path) -> None:
    """Put a file where an instance looks for one, unless the page did."""
    path = around.folder / options["path"]
    if path.exists() and path.is_file():
        return
    example = next((e for e in samples(manifest, "file", options)), None)
    payload = _own_form(manifest, options, city) or (example.payload if example else b"")
    assert payload, f"there is no sample for {manifest.name}"
    name = (example.origin if example else "") or "sample.csv"
    target = path if path.suffix else path / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(payload)


def _own_form(manifest: Manifest, options: dict[str, Any], city: Path) -> bytes:
    """Return the sample of a city whose files have columns of its own."""
    calls = city.parent / "harborview" / "example" / "calls.csv"
    return calls.read_bytes() if manifest.name == "cad_911" and options.get("form") else b""


def records_for(manifest: Manifest) -> list[tuple[Topic, Any]]:
    """Return the records of a sink's examples with their topics; before an alert comes who is registered."""
    found: list[tuple[Topic, Any]] = []
    for example in manifest.examples:
        if example.topic:
            topic = BY_NAME[example.topic]
            found.append((topic, record_from_json(topic.record, json.loads(example.payload))))
    alerts = [record for _, record in found if isinstance(record, WanderingAlert)]
    known = [a_registration(alert.case_id, EXAMPLE_NOW_US, guardian_ref="G-5521") for alert in alerts[:1]]
    return [(PROTECTED_SUBJECTS, record) for record in known] + found


def write_record(around: Surroundings, topic: str, key: bytes, record: Any) -> None:
    """Write a record to a topic and wait until the broker has it."""
    producer = KafkaProducer(bootstrap_servers=around.broker, enable_idempotence=False)
    try:
        producer.send(topic, key=key, value=encode(record), partition=0)
        producer.flush()
    finally:
        producer.close()


def show_case(around: Surroundings, prefix: str) -> None:
    """Let an assignment stand that shows the case and camera of the gateway's page to the agency of its page."""
    until_us = EXAMPLE_NOW_US + 600_000_000
    shown = assignment(recipients=("demo-112:control-room",), valid_until_us=until_us)
    write_record(around, f"{prefix}.{CAMERA_ASSIGNMENTS.name}", shown.case_id.encode(), shown)
