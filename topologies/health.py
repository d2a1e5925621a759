"""Whether a worker is ready and alive, judged by its own progress and not by Faust's word."""

import time
from dataclasses import dataclass
from typing import Any

from topologies.camera_assignment import CameraAssignmentTopology

# Every pump turns at least once per tick; one that has not for this long hangs.
STALLED_S = 30.0
# A unit that takes longer than this cannot write its outputs; well beyond a slow transaction.
UNIT_SLOW_S = 10.0
# The broker answers fetches all the time; after this long without an answer it is out of reach.
BROKER_SILENT_S = 10.0
# So many rows behind, the camera table is out of date.
TABLE_BEHIND_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Health:
    """Answers of the health endpoints: True, or the reasons why not."""

    reasons: dict[str, str]

    @property
    def good(self) -> bool:
        """Whether there is nothing to complain about."""
        return not self.reasons


def readiness(topology: CameraAssignmentTopology) -> Health:
    """Return why the worker cannot do its work yet: camera table, partitions, output."""
    reasons: dict[str, str] = {}
    for feed in topology.feeds:
        if not feed.loaded:
            reasons[feed.topic.name] = f"still loading, {feed.rows} rows so far"
        elif feed.waiting > TABLE_BEHIND_ROWS:
            reasons[feed.topic.name] = f"{feed.waiting} rows behind"
    if "cameras" not in reasons and len(topology.cameras) == 0:
        reasons["cameras"] = "the table is empty: load a registry with goldentime cameras load"
    if topology.preparation.stage:
        reasons["engine"] = topology.preparation.stage
    crew = topology.crew
    if crew.joined_s is None:
        reasons["partitions"] = "not a member of the group yet"
    elif not crew.running.is_set():
        reasons["partitions"] = "rebalancing or restoring state"
    elif (topology.broker_silence_s() or 0.0) > BROKER_SILENT_S:
        reasons["broker"] = f"no answer for {BROKER_SILENT_S:.0f} s"
    slow = _slow_units(topology, UNIT_SLOW_S)
    if slow:
        reasons["output"] = f"units of work not committed for {UNIT_SLOW_S:.0f} s in partitions {slow}"
    return Health(reasons)


def liveness(topology: CameraAssignmentTopology) -> Health:
    """Return which pumps hang. While partitions move, none is expected to turn."""
    crew = topology.crew
    if not crew.running.is_set():
        return Health({})
    now_s = time.monotonic()
    stalled = [
        partition
        for partition, pump in crew.pumps.items()
        if pump.progress.unit_started_s is None and now_s - pump.progress.turn_s > STALLED_S
    ]
    stalled += _slow_units(topology, STALLED_S)
    return Health({"pumps": f"no progress for {STALLED_S:.0f} s in partitions {sorted(stalled)}"} if stalled else {})


def status(topology: CameraAssignmentTopology) -> dict[str, Any]:
    """Return what a person wants to know of a worker at a glance."""
    return {
        "guarantee": topology.unit_of_work.guarantee,
        "cameras": len(topology.cameras),
        "camera_table_version": topology.cameras.version,
        "partitions": {
            str(partition): {
                "records": pump.progress.records,
                "units": pump.progress.units,
                "next_offsets": dict(pump.next_offsets),
            }
            for partition, pump in sorted(topology.crew.pumps.items())
        },
        "ready": readiness(topology).reasons or True,
        "alive": liveness(topology).reasons or True,
    }


def _slow_units(topology: CameraAssignmentTopology, limit_s: float) -> list[int]:
    now_s = time.monotonic()
    return [
        partition
        for partition, pump in topology.crew.pumps.items()
        if pump.progress.unit_started_s is not None and now_s - pump.progress.unit_started_s > limit_s
    ]
