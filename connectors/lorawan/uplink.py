"""What both network servers say, in one form: a message of a device, whichever server sent it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.iso_times import iso_us
from connectors.kit.reading.places import number_of
from schemas.location import LocationQuality

# Positions that a network computes: LoRa Alliance, "Geolocation Whitepaper" (2018): 20 to 200 m by time difference,
# 1,000 to 2,000 m by signal strength, where the server states no accuracy.
TDOA_ACCURACY_M = 200.0
RSSI_ACCURACY_M = 1500.0
# Snapshots of satellites and Wi-Fi or Bluetooth stations near a device; the same paper, rounded up for a dense city.
NEAR_ACCURACY_M = 50.0
GATEWAYS_MAX = 200
# No received signal is that strong, dBm: stands for a gateway that states none.
_NO_RSSI = -999.0


@dataclass(frozen=True, slots=True)
class Resolver:
    """A way of finding a device: its accuracy where none is stated, metres, and its quality in our contract."""

    accuracy_m: float
    quality: str


GNSS = Resolver(NEAR_ACCURACY_M, LocationQuality.GPS.value)
SHORT_RANGE = Resolver(NEAR_ACCURACY_M, LocationQuality.OTHER.value)
TDOA = Resolver(TDOA_ACCURACY_M, LocationQuality.CELL.value)
RSSI = Resolver(RSSI_ACCURACY_M, LocationQuality.CELL.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPlace:
    """A place that comes from the network.

    Attributes:
        lat: degrees, as the server wrote them.
        lon: the same.
        accuracy_m: radius in metres that holds the device with 68 % probability; None takes the configured one.
        quality: how it was found, one of ``LocationQuality``.
    """

    lat: Any
    lon: Any
    accuracy_m: float | None
    quality: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplink:
    """A message of a device.

    Attributes:
        dev_eui: the device's EUI as the server wrote it.
        time_us: when the server received it, UTC microseconds since the epoch; None where it does not say.
        session: what begins anew when the counter does: device address or session key id.
        counter: the frame counter; 0 where it lacks, because both servers leave zeros out.
        raw: the undecoded payload in base 64; only for telling two messages apart.
        decoded: what the device's payload decoder made of it.
        solved: where a geolocation service says that the device is.
        gateway: where the gateway stands that heard it best.
        battery_pct: what the server knows of the battery, percent.
        exercise: whether the message was simulated.
    """

    dev_eui: str
    time_us: int | None
    session: str = ""
    counter: int = 0
    raw: str = ""
    decoded: Mapping[str, Any] = field(default_factory=dict)
    solved: NetworkPlace | None = None
    gateway: NetworkPlace | None = None
    battery_pct: Any = None
    exercise: bool = False


def table(value: Any) -> Mapping[str, Any]:
    """Return a JSON object; an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def time_of(*values: Any) -> int | None:
    """Return the first of some texts that is a time with an offset, as UTC microseconds since the epoch."""
    return next((found for found in map(iso_us, values) if found is not None), None)


def eui_of(ids: Mapping[str, Any], name: str) -> str:
    """Return a device's EUI.

    Raises:
        EntryRefusedError: there is none.
    """
    eui = ids.get(name)
    if not isinstance(eui, str) or not eui.strip():
        raise EntryRefusedError("missing-field", name, f"{name}: must be given")
    return eui


def best_gateway(receptions: Any, rssi_name: str = "rssi") -> NetworkPlace | None:
    """Return the place of the gateway that heard a message best, of those whose place is known.

    Args:
        receptions: ``rxInfo`` or ``rx_metadata``: a list of objects with ``location`` and a signal strength.
        rssi_name: the field with the signal strength, dBm.
    """
    heard = [table(item) for item in receptions[:GATEWAYS_MAX]] if isinstance(receptions, list) else []
    placed = [item for item in heard if _has_place(table(item.get("location")))]
    if not placed:
        return None
    best = max(placed, key=lambda item: number_of(item.get(rssi_name)) or _NO_RSSI)
    where = table(best["location"])
    return NetworkPlace(lat=where["latitude"], lon=where["longitude"], accuracy_m=None, quality=_CELL)


def solved_place(where: Mapping[str, Any], resolvers: Mapping[str, Resolver]) -> NetworkPlace | None:
    """Return what a geolocation service found; None where it found nothing.

    Args:
        where: ``latitude``, ``longitude``, ``accuracy`` in metres (0 or nothing: not stated) and ``source``.
        resolvers: ways of finding a device by ``source``; any other counts as the least exact.
    """
    if not _has_place(where):
        return None
    resolver = resolvers.get(str(where.get("source", ""))[:40], RSSI)
    return NetworkPlace(
        lat=where["latitude"],
        lon=where["longitude"],
        accuracy_m=number_of(where.get("accuracy")) or resolver.accuracy_m,
        quality=resolver.quality,
    )


def short(values: Sequence[Any]) -> tuple[str, ...]:
    """Return values as short texts, for telling two messages apart."""
    return tuple(str(value)[:400] for value in values)


_CELL = LocationQuality.CELL.value


def _has_place(where: Mapping[str, Any]) -> bool:
    return "latitude" in where and "longitude" in where
