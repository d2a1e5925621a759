"""What the person who watches the demonstration sees: steps, decisions, and a closing summary."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from zoneinfo import ZoneInfo

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn
from rich.status import Status
from rich.text import Text

from console.decision_lines import decision_lines
from console.demo.eyes import EyesOn
from console.demo.figures import Figures, quantile
from console.golden_times import GoldenTimes
from console.terminal import output
from console.wording import counted, time_of_day
from schemas.camera_assignment import CameraAssignment, CaseStatus
from schemas.dead_letter import DeadLetter
from schemas.ptz import PtzResult

# What no report caused: a case that moves on between reports has several of these a minute.
OF_ITS_OWN = ("position-ageing", "head-granted", "renewed")
REFUSED = ("head-denied", "head-pre-empted")
QUIET_US = 60_000_000
# Kinds, districts and hours in the summary; of more the rest is left out.
GROUPS_SHOWN = 6


class Screen:
    """Prints to standard output; colours and moving parts only where it is a terminal.

    Args:
        time_zone: the city's zone, for times of day.
    """

    def __init__(self, time_zone: ZoneInfo) -> None:
        self._zone = time_zone
        # When a decision on each open case was printed last.
        self._shown_us: dict[str, int] = {}
        self._refused: set[str] = set()
        self.console = output()

    def line(self, text: str, style: str = "") -> None:
        """Print a line."""
        self.console.print(Text(text, style=style), soft_wrap=True)

    def done(self, what: str, how: str) -> None:
        """Print a finished step of the start."""
        self.line(f"  {what:<10} {how}")

    @contextmanager
    def waiting(self, what: str) -> Iterator["Waiting"]:
        """Show that something is waited for; on a terminal it moves and vanishes."""
        with self.console.status(f"{what} ..") as status:
            yield Waiting(what, status)

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """Give a function that moves a bar to so many of ``total``; on a terminal it vanishes when done."""
        columns = (TextColumn(f"  {what}"), BarColumn(), TaskProgressColumn(), MofNCompleteColumn())
        shown = self.console.is_terminal
        with Progress(*columns, console=self.console, transient=True, disable=not shown) as progress:
            task = progress.add_task(what, total=total)
            yield lambda done: progress.update(task, completed=done)

    def happens(self, at_us: int, says: str) -> None:
        """Print what happens in the story."""
        self.line(f"{time_of_day(at_us, self._zone)}  .. {says}", "dim italic")

    def decision(self, assignment: CameraAssignment) -> None:
        """Print a decision; of those that only time or the heads brought, one with new cameras a minute and case.

        That a head was refused is printed once for each case, which asks again every half minute.
        """
        if assignment.reason in REFUSED:
            if assignment.case_id in self._refused:
                return
            self._refused.add(assignment.case_id)
        if assignment.status == CaseStatus.ACTIVE and assignment.reason in OF_ITS_OWN:
            shown_us = self._shown_us.get(assignment.case_id, 0)
            if not assignment.added or assignment.decided_us - shown_us < QUIET_US:
                return
        if assignment.status == CaseStatus.ACTIVE:
            self._shown_us[assignment.case_id] = assignment.decided_us
        else:
            self._shown_us.pop(assignment.case_id, None)
            self._refused.discard(assignment.case_id)
        for line in decision_lines(assignment, self._zone):
            # A terminal cuts a line at its width; a file keeps it whole.
            self.console.print(line, soft_wrap=not self.console.is_terminal)

    def dead_letter(self, letter: DeadLetter) -> None:
        """Print what could not be used, and why."""
        at = time_of_day(letter.failed_us, self._zone)
        self.line(f"{at}  [-] dead letter     {letter.source}: {letter.reason}: {letter.message}", "red")

    def summary(self, figures: Figures, story_minutes: float) -> None:
        """Print the golden-time figures."""
        every, first = figures.latencies_ms(first_only=False), figures.latencies_ms(first_only=True)
        statuses = Counter(figures.statuses.values())
        now = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
        letters = sum(figures.dead_letters.values())
        reasons = ", ".join(f"{count} {topic} {why}" for (topic, why), count in figures.dead_letters.most_common(4))
        self.line(f"\nThe golden time of {story_minutes:.0f} story minutes, in real milliseconds", "bold")
        self.done(
            "every", f"report -> assignment p50 {_ms(every, 0.5)}, p99 {_ms(every, 0.99)} ({len(every)} decisions)"
        )
        self.done(
            "first", f"report -> first answer p50 {_ms(first, 0.5)}, slowest {_ms(first, 1)} ({len(first)} cases)"
        )
        self.done("cases", f"{len(figures.statuses)}, of which {len(figures.viewed)} had a view; now {now}")
        self.done("first view", "after the report, in the story's seconds: median (cases)")
        for part, groups in golden_lines(figures.golden):
            self.done(part, groups)
        if figures.heads:
            self.done("PTZ heads", heads(figures.heads))
        self.done("hand-overs", f"{figures.handovers} of {counted(figures.decisions, 'decision')} replaced cameras")
        self.done("answered", f"{counted(letters, 'dead letter')}: {reasons or 'none'}")
        if figures.restarts:
            self.done("restarts", f"the worker was started again {counted(figures.restarts, 'time')}")
        if figures.eyes is not None:
            for line in eyes(figures.eyes):
                self.line(line, "bold" if line.startswith("\n") else "")

    def next_steps(self, *, stays: bool, case_id: str, url: str, variables: Mapping[str, str]) -> None:
        """Print where to look next.

        Args:
            stays: whether everything keeps running.
            case_id: a case worth explaining.
            url: base URL of the worker's endpoints.
            variables: what commands in another terminal need in their environment.
        """
        self.line("\nWhere to look next", "bold")
        if not stays:
            self.line(
                "  goldentime demo --stay     keeps all of this running, to look at it from another terminal with"
            )
            self.line("    goldentime watch           the present picture, live")
            self.line(
                "    goldentime explain CASE    why these cameras: views, runners-up, who was left out, legal basis"
            )
            self.line("    curl .../metrics           what operators watch")
            self.line("  README.md and docs/        consumers, data engineers, operators")
            return
        settings = " ".join(f"{name}={value}" for name, value in variables.items())
        self.line(f"  export {settings}")
        self.line("  goldentime watch")
        self.line(f"  goldentime explain {case_id}")
        self.line(f"  curl {url}/metrics")
        self.line("A new story begins now; Ctrl-C ends.\n", "bold")


class Waiting:
    """A shown wait whose text can change."""

    def __init__(self, what: str, status: Status) -> None:
        self._what = what
        self._status = status

    def missing(self, reasons: str) -> None:
        """Say what is still missing."""
        self._status.update(f"{self._what}: {reasons}")


def golden_lines(golden: GoldenTimes) -> Iterator[tuple[str, str]]:
    """Yield the golden time by kind, district and hour, in the story's seconds."""
    parts = (("by kind", golden.by_kind()), ("by district", golden.by_district()), ("by hour", golden.by_hour()))
    for part, groups in parts:
        if groups:
            told = ", ".join(f"{group.name} {group.median_s:.0f} s ({group.cases})" for group in groups[:GROUPS_SHOWN])
            yield part, told + (", .." if len(groups) > GROUPS_SHOWN else "")


def heads(wishes: Mapping[str, Collection[tuple[str, str]]]) -> str:
    """Return in words what became of wishes to turn heads."""
    words = {
        PtzResult.GRANTED: "turned for a case",
        PtzResult.DENIED: "refused, because another case needs the head more",
        PtzResult.PRE_EMPTED: "handed to a case that needs it more",
    }
    return ", ".join(f"{len(wishes[result])} {what}" for result, what in words.items() if wishes.get(result))


def eyes(figures: EyesOn) -> list[str]:
    """Return in words what was truly seen of the walker."""
    return [
        f"\nEyes on the walker: {figures.share:.0%} of the time any camera could see them; "
        f"the nearest four: {figures.nearest_four_share:.0%}; as many of the nearest: "
        f"{figures.nearest_share:.0%}",
        f"  From where they truly walked, which nobody told the worker: some camera could see them in "
        f"{figures.possible_s} s,",
        f"  an assigned one did in {figures.seen_s} s. The four nearest to the last report, heads turned to it, "
        f"would have in {figures.nearest_four_s} s;",
        f"  as many of the nearest as were assigned, in {figures.nearest_s} s.",
        f"  Pictures open at a time: {figures.cameras:.1f} and {figures.nearest_cameras:.1f}; "
        "a view that ends while its successor begins counts until it ends.",
        "  One walk is luck: benchmarks/eyes_on has hundreds.",
    ]


def _ms(sorted_ms: list[float], share: float) -> str:
    value = quantile(sorted_ms, share)
    return "unknown" if value is None else f"{value:.0f} ms"
