"""The golden-time figures of a run: how fast reports became assignments, and what was answered."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from console.demo.eyes import EyesOn
from console.golden_times import GoldenTimes
from schemas.camera_assignment import CameraAssignment, CameraRole
from schemas.dead_letter import DeadLetter
from schemas.ptz import PtzGrant

# What a version names as its source when time alone caused it (schemas.camera_assignment.InputRef).
TICK = "tick"
# Ids, versions and two numbers per decision; a run that stays for a day keeps the newest this many.
MOST_KEPT = 100_000


@dataclass(slots=True)
class Figures:
    """Counts what was seen on the topics; times are UTC microseconds since the epoch on the story's clock.

    Attributes:
        factor: how many times faster than life the story's clock runs.
        decisions: how many versions of assignments came.
        handovers: versions that replaced at least one camera by another.
        dead_letters: how many by (topic they were meant for, reason).
        statuses: newest status by case.
        viewed: cases that had at least one camera at some time.
        restarts: how often the worker had to be started again.
        heads: wishes for PTZ heads by what became of them; each a case and a camera.
        eyes: what was truly seen of the walker, once that is known.
        golden: how long cases waited for their first view.
    """

    factor: float
    decisions: int = 0
    handovers: int = 0
    dead_letters: Counter[tuple[str, str]] = field(default_factory=Counter)
    statuses: dict[str, str] = field(default_factory=dict)
    viewed: set[str] = field(default_factory=set)
    restarts: int = 0
    heads: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    eyes: EyesOn | None = None
    golden: GoldenTimes = field(default_factory=lambda: GoldenTimes(ZoneInfo("UTC")))
    _ingested_us: dict[tuple[str, int, int], int] = field(default_factory=dict)
    _received: list[tuple[tuple[tuple[str, int, int], ...], int, bool]] = field(default_factory=list)

    def saw_input(self, topic: str, partition: int, offset: int, ingested_us: int) -> None:
        """Take note of when a connector read what became this record; ``topic`` is without the city's prefix."""
        if len(self._ingested_us) < MOST_KEPT:
            self._ingested_us[topic, partition, offset] = ingested_us

    def saw_decision(self, assignment: CameraAssignment, received_us: int) -> None:
        """Take note of a decision and when it was received."""
        self.decisions += 1
        # The view that is replaced is released a moment after the new one began.
        ends = assignment.released or any(camera.role == CameraRole.ENDING for camera in assignment.cameras)
        self.handovers += bool(assignment.version > 1 and assignment.added and ends)
        self.statuses[assignment.case_id] = assignment.status
        self.golden.saw(assignment)
        if assignment.cameras:
            self.viewed.add(assignment.case_id)
        # What time alone brings has no report to measure from, though it names how far the topics had been read.
        by_time = any(ref.topic == TICK for ref in assignment.sources)
        sources = () if by_time else tuple((ref.topic, ref.partition, ref.offset) for ref in assignment.sources)
        if len(self._received) < MOST_KEPT:
            self._received.append((sources, received_us, assignment.version == 1))

    def saw_grant(self, grant: PtzGrant) -> None:
        """Take note of what became of a wish to turn a head."""
        self.heads.setdefault(grant.result, set()).add((grant.case_id, grant.camera_id))

    def saw_dead_letter(self, letter: DeadLetter) -> None:
        """Take note of a record that was answered with a reason."""
        self.dead_letters[letter.origin_topic, letter.reason] += 1

    def latencies_ms(self, *, first_only: bool) -> list[float]:
        """Return real milliseconds from the connector's reading to the receipt of the decision, sorted.

        Args:
            first_only: only a case's first decision; else every decision that a record caused (not time alone).
        """
        spans = []
        for sources, received_us, is_first in self._received:
            stamps = [self._ingested_us[source] for source in sources if source in self._ingested_us]
            if stamps and (is_first or not first_only):
                # Of several records decided on together the newest completed the decision's ground.
                spans.append((received_us - max(stamps)) / 1_000 / self.factor)
        return sorted(spans)


def quantile(sorted_values: Sequence[float], share: float) -> float | None:
    """Return the smallest value that ``share`` of the values do not exceed (nearest rank); None without values."""
    if not sorted_values:
        return None
    rank = max(1, -(-int(share * 1_000) * len(sorted_values) // 1_000))  # rounded up, in whole numbers
    return sorted_values[min(rank, len(sorted_values)) - 1]
