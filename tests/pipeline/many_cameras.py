"""Load a table of synthetic cameras and print its figures as JSON: ``python -m tests.pipeline.many_cameras 2000000``.

A process of its own, so that its memory is the table's.
"""

import json
import resource
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline.cameras.camera_table import CameraTable
from schemas.codec import encode
from tests.pipeline.camera_records import SEOUL, a_camera

SLICE = 4_000
CAMERAS_PER_POLE = 2


def slices(count: int) -> Iterator[tuple[list[bytes], list[bytes]]]:
    """Yield keys and records of cameras, two to a pole, over a metropolis of 60 km."""
    rng = np.random.default_rng(1)
    marks = (b"cam-0000000", b"site-0000000", struct.pack("<d", 12.5), struct.pack("<d", 99.5))
    rest, pieces = encode(a_camera("cam-0000000", 12.5, 99.5, event_id="registry:1", site_id="site-0000000")), []
    for mark in marks:
        piece, rest = rest.split(mark)
        pieces.append(piece)
    head, before_site, before_lat, before_lon = pieces
    for start in range(0, count, SLICE):
        numbers = range(start, min(start + SLICE, count))
        poles = rng.normal(SEOUL, (0.15, 0.19), (len(numbers) // CAMERAS_PER_POLE + 1, 2)).tolist()
        keys = [b"cam-%07d" % number for number in numbers]
        yield (
            keys,
            [
                b"".join(
                    (
                        head,
                        keys[place],
                        before_site,
                        b"site-%07d" % (number // CAMERAS_PER_POLE),
                        before_lat,
                        struct.pack("<d", poles[place // CAMERAS_PER_POLE][0]),
                        before_lon,
                        struct.pack("<d", poles[place // CAMERAS_PER_POLE][1]),
                        rest,
                    )
                )
                for place, number in enumerate(numbers)
            ],
        )


def peak_rss_mb() -> float:
    """Return the largest resident memory this process has had, MB."""
    # Linux's ru_maxrss starts with the memory of the process that started this one.
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(count: int) -> None:
    """Load, search, and print."""
    table, load_s = CameraTable(), 0.0
    for keys, values in slices(count):
        began = time.process_time()
        errors = table.apply_cameras(keys, values, 0)
        load_s += time.process_time() - began
        assert not errors, errors[0]
    began = time.process_time()
    table.near(*SEOUL, 10.0)
    build_s = time.process_time() - began
    searches = list(zip(table.lat_deg[:1000].tolist(), table.lon_deg[:1000].tolist(), strict=True))
    began = time.process_time()
    hits = sum(len(table.near(lat, lon, 60.0)[0]) for lat, lon in searches)
    search_s = time.process_time() - began
    figures = {
        "cameras": len(table),
        "load_us_per_camera": load_s / count * 1e6,
        "index_s": build_s,
        "search_us": search_s / len(searches) * 1e6,
        "hits": hits / len(searches),
        "peak_rss_mb": peak_rss_mb(),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(int(sys.argv[1]))
