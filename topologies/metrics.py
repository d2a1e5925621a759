"""The metrics of a worker: each declared once, with type and meaning; updated once per unit of work, never per record.

Labels are bounded: topics, partitions, reasons, services, statuses, kinds, districts and hours; never a case, a person
or a camera.
"""

from collections import Counter as CountOf
from collections.abc import Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from pipeline.reading.batch import RawBatch, StepResult
from schemas.camera_assignment import CameraAssignment, CaseStatus
from schemas.ptz import PtzResult
from schemas.topics import BY_NAME
from topologies.golden_time import NO_TERMS, CityTerms, GoldenTimeMetrics
from topologies.sources import SourceTimes

# From a millisecond to a minute; the promise is a p99 under one second.
LATENCY_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
STAGE_BUCKETS_S = (0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
BATCH_BUCKETS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000)
# From the opening of a stream to an hour.
GAP_BUCKETS_S = (1.0, 3.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0)
# Cases without a view of which the beginning of the gap is remembered; what is beyond is not measured.
GAPS_MAX = 10_000
PREFIX = "goldentime_"


class FlowMetrics:
    """All metrics of one worker, in a registry of their own.

    Args:
        terms: the city's words that labels are made of.
    """

    def __init__(self, terms: CityTerms = NO_TERMS) -> None:
        self.registry = CollectorRegistry()
        self._golden_time = GoldenTimeMetrics(self.registry, PREFIX, terms)
        self._declare_flow()
        self._declare_domain()
        self._declare_trouble()
        self._open: dict[int, dict[tuple[str, str], int]] = {}
        self._oldest: dict[int, float] = {}
        self._sources = SourceTimes()
        self._without_view_since_us: dict[str, int] = {}

    def _declare_flow(self) -> None:
        self._records = self._counter("records_total", "Input records by topic and how they ended.", "topic", "outcome")
        self._batch_size = self._histogram("batch_size", "Records decided on in one unit of work.", BATCH_BUCKETS)
        self._stage_seconds = self._histogram(
            "stage_seconds",
            "Seconds a unit of work spends in a stage: read, decide, encode, commit.",
            STAGE_BUCKETS_S,
            "stage",
        )
        self._report_to_assignment = self._histogram(
            "report_to_assignment_seconds",
            "Seconds from a connector's reading of a report or fix to the committed assignment, by service.",
            LATENCY_BUCKETS_S,
            "service",
        )
        self._lag_records = self._gauge(
            "consumer_lag_records", "Records the broker has that are not decided yet.", "topic", "partition"
        )
        self._lag_seconds = self._gauge(
            "consumer_lag_seconds",
            "Age of the newest decided record while newer ones wait; 0 when none wait.",
            "topic",
            "partition",
        )
        self._event_time_lag = self._gauge(
            "event_time_lag_seconds",
            "Seconds from when a source observed its newest event until that was appended to its topic.",
            "source",
        )
        self._source_idle = self._gauge(
            "source_idle_seconds",
            "Seconds since the newest event of a source was appended, as this worker knows.",
            "source",
        )
        self._late = self._counter("late_events_total", "Records older than what is known of their case.", "topic")

    def _declare_domain(self) -> None:
        self._open_cases = self._gauge(
            "open_cases", "Cases that are not ended, by their first service and their status.", "service", "status"
        )
        self._without_view = self._gauge("cases_without_view", "Open cases that have no camera, by service.", "service")
        self._handovers = self._counter(
            "handovers_total",
            "Changes of a moving subject's cameras: overlap when one of them went on, else cut.",
            "outcome",
        )
        self._handover_gap = self._histogram(
            "handover_gap_seconds",
            "Seconds in which an open case that had a camera had none, until it got one again, by service.",
            GAP_BUCKETS_S,
            "service",
        )
        self._preemptions = self._counter(
            "ptz_preemptions_total", "Times a case lost a PTZ head to another or to a hand."
        )
        self._assignment_age = self._gauge(
            "assignment_age_seconds",
            "Age of the oldest newest version of an active case: beyond its lease something leaks.",
        )
        self._denied = self._counter("decisions_denied_total", "Cases denied by the purpose gate, by reason.", "reason")
        self._cameras = self._gauge(
            "cameras", "Cameras in the table: out-of-service, or by the state of their health.", "status"
        )
        self._camera_table_age = self._gauge(
            "camera_table_age_seconds", "Seconds since the newest change of the camera table was written."
        )

    def _declare_trouble(self) -> None:
        self._dead_letters = self._counter(
            "dead_letters_total", "Records answered with a reason instead of a decision.", "topic", "reason"
        )
        self._dead_letter_oldest = self._gauge(
            "dead_letter_oldest_seconds",
            "Age of the oldest dead letter that the topics hold, by the worker that owns partition 0; 0 for none.",
        )
        self._aborted = self._counter(
            "transactions_aborted_total", "Units of work that the broker did not commit; the worker stops after one."
        )
        self._fenced = self._counter(
            "fenced_total", "Times another worker had taken a partition over; the worker stops after one."
        )
        self._restores_seconds = self._histogram(
            "restores_seconds",
            "Seconds it took to read back the state of newly assigned partitions, or the camera table.",
            LATENCY_BUCKETS_S,
            "what",
        )

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(PREFIX + name, meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(PREFIX + name, meaning, labels, registry=self.registry)

    def _histogram(self, name: str, meaning: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(PREFIX + name, meaning, labels, buckets=buckets, registry=self.registry)

    def stages(self, **seconds: float) -> None:
        """Note how long the stages of a unit took, by stage name."""
        for stage, taken_s in seconds.items():
            self._stage_seconds.labels(stage).observe(taken_s)

    def unit_done(self, records: int, result: StepResult, now_us: int) -> None:
        """Count a committed unit.

        Args:
            records: how many input records it had; 0 for a tick alone.
            result: what was decided.
            now_us: the clock after the commit.
        """
        if records:
            self._batch_size.observe(records)
        for (topic, outcome), count in result.outcomes.items():
            self._records.labels(topic, outcome).inc(count)
            if outcome == "late":
                self._late.labels(topic).inc(count)
        for refusal, count in CountOf((refusal.topic, refusal.reason) for refusal in result.refusals).items():
            self._dead_letters.labels(*refusal).inc(count)
        for service, ingested_us in result.reported:
            self._report_to_assignment.labels(service).observe(max(0.0, (now_us - ingested_us) / 1e6))
        self._golden_time.saw(result.first_views)
        for outcome, count in result.handovers.items():
            self._handovers.labels(outcome).inc(count)
        for assignment in result.assignments:
            if assignment.status == CaseStatus.DENIED:
                self._denied.labels(assignment.reason).inc()
            self._note_gap(assignment)
        self._preemptions.inc(sum(grant.result == PtzResult.PRE_EMPTED for grant in result.ptz_grants))

    def _note_gap(self, assignment: CameraAssignment) -> None:
        """Begin, end or forget the time in which a case that had a camera has none."""
        since_us, case_id = self._without_view_since_us, assignment.case_id
        if assignment.cameras or assignment.status in (CaseStatus.RELEASED, CaseStatus.DENIED):
            began_us = since_us.pop(case_id, None)
            if assignment.cameras and began_us is not None:
                service = assignment.services[0] if assignment.services else "other"
                self._handover_gap.labels(service).observe(max(0.0, (assignment.decided_us - began_us) / 1e6))
        elif assignment.released and len(since_us) < GAPS_MAX:
            since_us.setdefault(case_id, assignment.decided_us)

    def heard(self, batch: RawBatch) -> None:
        """Note when the sources of a committed batch spoke."""
        self._sources.take(batch)

    def sources(self, now_us: int) -> None:
        """Show how late and how long ago each source was heard."""
        for name, seconds in self._sources.lags_s():
            self._event_time_lag.labels(name).set(seconds)
        for name, seconds in self._sources.idle_s(now_us):
            self._source_idle.labels(name).set(seconds)

    def dead_letter_oldest(self, written_us: int | None, now_us: int) -> None:
        """Show how old the oldest dead letter is; None for none."""
        self._dead_letter_oldest.set(0.0 if written_us is None else max(0.0, (now_us - written_us) / 1e6))

    def dead_letter(self, topic: str, reason: str) -> None:
        """Count a dead letter that is not part of a unit, such as a refused camera row."""
        self._dead_letters.labels(topic, reason).inc()

    def partition_gone(self, partition: int) -> None:
        """Forget a partition that another worker has now, and what was shown of it."""
        self.open_cases(partition, {})
        del self._open[partition]
        self.oldest_assignment(partition, None, 0)
        for topic in BY_NAME:
            for gauge in (self._lag_records, self._lag_seconds):
                _drop(gauge, topic, str(partition))

    def oldest_assignment(self, partition: int, decided_us: int | None, now_us: int) -> None:
        """Show how old the newest version of a partition's active case is that has waited longest; None for no case."""
        self._oldest.pop(partition, None)
        if decided_us is not None:
            self._oldest[partition] = max(0.0, (now_us - decided_us) / 1e6)
        self._assignment_age.set(max(self._oldest.values(), default=0.0))

    def lag(self, topic: str, partition: int, records: int, seconds: float) -> None:
        """Show how far a partition of a topic is behind."""
        self._lag_records.labels(topic, partition).set(records)
        self._lag_seconds.labels(topic, partition).set(seconds)

    def cameras(self, by_status: Mapping[str, int]) -> None:
        """Show the size of the camera table."""
        for status, count in by_status.items():
            self._cameras.labels(status).set(count)

    def camera_table_age(self, seconds: float) -> None:
        """Show how long ago the newest change of the camera table was written."""
        self._camera_table_age.set(max(0.0, seconds))

    def restored(self, what: str, seconds: float) -> None:
        """Note how long reading back took; ``what`` is ``cases``, ``cameras`` or ``camera-health``."""
        self._restores_seconds.labels(what).observe(seconds)

    def aborted(self) -> None:
        """Count a unit that was not committed."""
        self._aborted.inc()

    def fenced(self) -> None:
        """Count a partition lost to another worker."""
        self._fenced.inc()

    def open_cases(self, partition: int, counts: Mapping[tuple[str, str], int]) -> None:
        """Show a partition's open cases by (service, status)."""
        before = self._open.get(partition, {})
        for kind in before.keys() | counts.keys():
            change = counts.get(kind, 0) - before.get(kind, 0)
            self._open_cases.labels(*kind).inc(change)
            service, status = kind
            if status != CaseStatus.ACTIVE:
                self._without_view.labels(service).inc(change)
        self._open[partition] = dict(counts)


def _drop(gauge: Any, *labels: str) -> None:
    try:
        gauge.remove(*labels)
    except KeyError:
        return
