"""The suite over both network servers: ChirpStack by web hook, The Things Stack by MQTT."""

import json
from typing import Any

from tests.support.connector_suite import Happening, Samples, connector_suite


def _decoded(h: Happening) -> dict[str, Any]:
    decoded = {"latitude": h.lat, "longitude": h.lon, "batteryLevel": 60 - h.revision, "note": h.person_text}
    return dict.fromkeys(decoded) if h.nulls else {**decoded, **h.extra}


def chirpstack(h: Happening) -> bytes:
    names = {"deviceName": h.person_name, "tags": {"phone": h.person_phone}}
    event = {
        "deduplicationId": f"{h.number}-{h.revision}",
        "time": h.time_text,
        "deviceInfo": {"devEui": h.person_id, **names},
        "devAddr": "00189440",
        "fCnt": int(h.number) % 65_536 if h.number.isdigit() and len(h.number) < 10 else None,
        "data": f"qg{h.revision}=",
        "object": _decoded(h),
        "rxInfo": [{"gatewayId": "0016c001f153a14c", "rssi": -90}],
    }
    if h.nulls:
        event = dict.fromkeys(event) | {"deviceInfo": {"devEui": None}}
    return json.dumps(event, ensure_ascii=False).encode()


def things_stack(h: Happening) -> bytes:
    message = {
        "end_device_ids": {"device_id": h.person_name, "dev_eui": None if h.nulls else h.person_id},
        "received_at": h.time_text,
        "simulated": h.exercise,
        "uplink_message": {
            "f_cnt": int(h.number) % 65_536 if h.number.isdigit() and len(h.number) < 10 else None,
            "frm_payload": f"qg{h.revision}=",
            "decoded_payload": _decoded(h),
            "received_at": h.time_text,
        },
    }
    return json.dumps(message, ensure_ascii=False).encode()


DEEP = b'{"a": ' * 50 + b"1" + b"}" * 50
HOSTILE = [
    b'{"deviceInfo": {"devEui": "a"}, "object": {"lat": 1, "lon": "x", "deep": ' + DEEP + b"}}",
    b'{"deviceInfo": {"devEui": 7}, "rxInfo": "x", "object": []}',
    b'{"deviceInfo": {"devEui": "\\ud800"}, "object": {"sos": 1}, "rxInfo": []}',
    b'{"deviceInfo": {"devEui": "a"}, "object": {"sos": 1}, "rxInfo": [null, 3, {"rssi": "loud", "location": []}]}',
    b'{"deviceInfo": {"devEui": "a"}, "object": {"sos": 1}, "rxInfo": [{"location": {"latitude": "x"}}]}',
]

TestChirpstack = connector_suite("lorawan", Samples(write=chirpstack, options={"token_env": "HOOK"}, hostile=HOSTILE))
TestThingsStack = connector_suite(
    "lorawan",
    Samples(
        write=things_stack,
        options={"transport": "mqtt", "form": "things-stack"},
        origin="v3/care@ttn/devices/watch/up",
        hostile=[b'{"end_device_ids": {"dev_eui": []}, "uplink_message": {"f_cnt": "x", "locations": [1]}}'],
    ),
)
