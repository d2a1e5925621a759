"""The Things Stack 3: an application message to a message of a device. Pure.

Source: "Data Formats" of its documentation and ``ApplicationUp`` of its API. Its JSON leaves out zeros, false and
empty texts. The ``locations`` that an uplink carries of its device are not read: they are where it was once entered, or
where it was at some earlier uplink, and nothing says when.
"""

from collections.abc import Mapping
from typing import Any

from connectors.kit.errors import EntryRefusedError
from connectors.lorawan.uplink import (
    GNSS,
    RSSI,
    SHORT_RANGE,
    TDOA,
    Uplink,
    best_gateway,
    eui_of,
    solved_place,
    table,
    time_of,
)

TOPIC_FILTERS = ("v3/+/devices/+/up", "v3/+/devices/+/location/solved")
_RESOLVERS = {
    "SOURCE_GPS": GNSS,
    "SOURCE_WIFI_RSSI_GEOLOCATION": SHORT_RANGE,
    "SOURCE_BT_RSSI_GEOLOCATION": SHORT_RANGE,
    "SOURCE_LORA_TDOA_GEOLOCATION": TDOA,
    "SOURCE_COMBINED_GEOLOCATION": TDOA,
    "SOURCE_LORA_RSSI_GEOLOCATION": RSSI,
}


def uplink_of(message: Mapping[str, Any]) -> Uplink | None:
    """Return the message of a device; None for joins, downlinks and service data.

    Raises:
        EntryRefusedError: it is no message of The Things Stack 3, or it names no device.
    """
    if not isinstance(message.get("end_device_ids"), Mapping):
        rule = "end_device_ids: must be given; is this The Things Stack 3?"
        raise EntryRefusedError("unknown-form", "end_device_ids", rule)
    ids = table(message["end_device_ids"])
    simulated = message.get("simulated") is True
    solved = table(message.get("location_solved"))
    if solved:
        return Uplink(
            dev_eui=eui_of(ids, "dev_eui"),
            time_us=time_of(message.get("received_at")),
            session=str(message.get("received_at", "")),
            solved=solved_place(table(solved.get("location")), _RESOLVERS),
            exercise=simulated,
        )
    uplink = table(message.get("uplink_message"))
    if not uplink:
        return None
    battery = table(uplink.get("last_battery_percentage"))
    counter = uplink.get("f_cnt")
    return Uplink(
        dev_eui=eui_of(ids, "dev_eui"),
        time_us=time_of(uplink.get("received_at"), message.get("received_at")),
        session=str(uplink.get("session_key_id", ids.get("dev_addr", ""))),
        counter=counter if isinstance(counter, int) else 0,
        raw=str(uplink.get("frm_payload", "")),
        decoded=table(uplink.get("decoded_payload")),
        gateway=best_gateway(uplink.get("rx_metadata")),
        battery_pct=battery.get("value"),
        exercise=simulated,
    )
