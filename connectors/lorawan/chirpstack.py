"""ChirpStack 4: an integration event to a message of a device. Pure.

Source: ``api/proto/integration/integration.proto`` and ``common/common.proto`` of ChirpStack 4, whose JSON form names
fields in camel case and leaves out zeros, false and empty texts. An event does not say its type; the web hook's query
(``?event=up``) and the MQTT topic do, and what the event holds shows it as well.
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

TOPIC_FILTERS = ("application/+/device/+/event/up", "application/+/device/+/event/location")
_RESOLVERS = {
    "GPS": GNSS,
    "GEO_RESOLVER_GNSS": GNSS,
    "GEO_RESOLVER_WIFI": SHORT_RANGE,
    "GEO_RESOLVER_TDOA": TDOA,
    "GEO_RESOLVER_RSSI": RSSI,
}
# Set in the server by hand: where the device was once put up, not where it is.
_BY_HAND = "CONFIG"


def uplink_of(event: Mapping[str, Any]) -> Uplink | None:
    """Return the message of an event; None for joins, acknowledgements, states and logs.

    Raises:
        EntryRefusedError: it is no event of ChirpStack 4, or it names no device.
    """
    if not isinstance(event.get("deviceInfo"), Mapping):
        raise EntryRefusedError("unknown-form", "deviceInfo", "deviceInfo: must be given; is this ChirpStack 4?")
    dev_eui = eui_of(table(event["deviceInfo"]), "devEui")
    where = table(event.get("location"))
    if where:
        if where.get("source") == _BY_HAND:
            return None
        return Uplink(
            dev_eui=dev_eui,
            time_us=time_of(event.get("time")),
            session=str(event.get("deduplicationId", "")),
            solved=solved_place(where, _RESOLVERS),
        )
    receptions = event.get("rxInfo")
    if not isinstance(receptions, list) and "object" not in event:
        return None
    first = table(receptions[0]) if isinstance(receptions, list) and receptions else {}
    return Uplink(
        dev_eui=dev_eui,
        time_us=time_of(event.get("time"), first.get("nsTime"), first.get("gwTime")),
        session=str(event.get("devAddr", "")),
        counter=_counter(event.get("fCnt")),
        raw=str(event.get("data", "")),
        decoded=table(event.get("object")),
        gateway=best_gateway(receptions),
    )


def _counter(value: Any) -> int:
    return value if isinstance(value, int) else 0
