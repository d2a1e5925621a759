"""Whether a source and the broker answer, as the counters show it."""

from typing import Any

from connectors.kit.running.pacing import ConnectorCounters

# After this long without an acknowledgement the connector is shown as pausing; its records still wait to be delivered.
LATE_S = 3.0
# A source that says that it is connected answers again when it has gone on for the first, any other for the second.
ANSWERS_S, SEEMS_TO_ANSWER_S = 1.0, 5.0


class Answering:
    """Keeps ``last_error`` of a source's counters in step with what is known.

    Args:
        counters: the counters.
        source: the source; its ``is_connected`` counts where it has one.
    """

    def __init__(self, counters: ConnectorCounters, source: Any) -> None:
        self._counters = counters
        self._source = source
        self._is_late = False

    def entry_came(self) -> None:
        """Take note that the source answers; that says nothing of a broker that is late."""
        if not self._is_late:
            self._counters.last_error = None

    def look(self, *, waited_s: float, reads_s: float) -> bool:
        """Return whether the broker has just become late.

        Args:
            waited_s: since when the oldest record waits for its acknowledgement, seconds.
            reads_s: since when the source is read without a failure, seconds.
        """
        counters, was_late = self._counters, self._is_late
        self._is_late = waited_s > LATE_S
        if self._is_late:
            counters.last_error = f"the broker has acknowledged nothing for {LATE_S:g} s"
            counters.unavailable += not was_late
        elif was_late or (counters.last_error is not None and self._answers(reads_s)):
            counters.last_error = None
        return self._is_late and not was_late

    def _answers(self, reads_s: float) -> bool:
        is_connected = getattr(self._source, "is_connected", None)
        return reads_s > (SEEMS_TO_ANSWER_S if is_connected is None else ANSWERS_S) and is_connected is not False
