"""Camera records for tests of the camera table, and the search that needs no index."""

import numpy as np

from pipeline import geo
from schemas.camera import Camera, CameraHealth
from schemas.codec import encode
from schemas.location import Location

SEOUL = (37.55, 126.99)
NOON_US = 1_770_000_000_000_000


def a_camera(camera_id="cam-1", lat_deg=SEOUL[0], lon_deg=SEOUL[1], *, quality="address", **fields):
    usual = {
        "event_id": f"registry:{camera_id}:1",
        "source": "cctv_registry",
        "observed_us": NOON_US,
        "ingested_us": NOON_US,
        "camera_id": camera_id,
        "site_id": f"site-of-{camera_id}",
        "owner": "jung-gu",
        "location": Location(lat_deg=lat_deg, lon_deg=lon_deg, accuracy_m=10.0, quality=quality),
        "kind": "fixed",
        "purposes": ("crime-prevention",),
    }
    return Camera(**(usual | fields))


def a_health(camera_id="cam-1", state="down"):
    return CameraHealth(
        event_id=f"beat:{camera_id}:{state}",
        source="heartbeat",
        observed_us=NOON_US,
        ingested_us=NOON_US,
        camera_id=camera_id,
        state=state,
        since_us=NOON_US,
    )


def put(table, *cameras, offset=0):
    """Apply cameras, and for a plain text the tombstone of that camera id; return the errors."""
    keys = [(c if isinstance(c, str) else c.camera_id).encode() for c in cameras]
    values = [None if isinstance(c, str) else encode(c) for c in cameras]
    return table.apply_cameras(keys, values, offset)


def tell(table, *healths, offset=0):
    """Apply health records, and for a plain text the tombstone of that camera id; return the errors."""
    keys = [(h if isinstance(h, str) else h.camera_id).encode() for h in healths]
    values = [None if isinstance(h, str) else encode(h) for h in healths]
    return table.apply_health(keys, values, offset)


def found(table, lat_deg, lon_deg, radius_m):
    """Return (camera id, distance) of what the table finds, in its order."""
    rows, distances_m = table.near(lat_deg, lon_deg, radius_m)
    return [(table.camera_id(row), distance) for row, distance in zip(rows.tolist(), distances_m.tolist(), strict=True)]


def searched_one_by_one(positions, lat_deg, lon_deg, radius_m):
    """Return what ``found`` must be, from {camera id: (lat, lon)}, by looking at every camera."""
    if not positions:
        return []
    ids = list(positions)
    lats_deg, lons_deg = np.array(list(positions.values())).T
    east_m, north_m = geo.offsets_m(lat_deg, lon_deg, lats_deg, lons_deg)
    distances_m = np.sqrt(east_m * east_m + north_m * north_m).tolist()
    near = [(distance, i.encode()) for i, distance in zip(ids, distances_m, strict=True) if distance <= radius_m]
    return [(i.decode(), distance) for distance, i in sorted(near)]
