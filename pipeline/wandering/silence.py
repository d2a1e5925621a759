"""Silence: somebody is out, and their tracker is not heard for much longer than is usual for it.

Usual is the middle one of the newest gaps between arrivals, so that one long or short gap changes nothing. Fixes that
come together, as from a device that collects them, are one arrival. Silence begins to matter after ``no_contact_s``,
or after ``no_contact_gaps`` usual gaps where that is longer. Whose usual gap is not known, or so long that the place
would be forgotten before, is not waited for. At home nobody is: a tracker that is silent there is being charged.
"""

import heapq
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

from pipeline.rules.policy import US_PER_S, Policy
from pipeline.rules.wandering_policy import WanderingPolicy
from pipeline.wandering.findings import Finding, Fix
from schemas.wandering_alert import AlertKind
from schemas.wandering_state import WanderingState

# Fixes that come within this are one arrival.
ARRIVAL_US = 10 * US_PER_S
# So many gaps are remembered; the middle one of five stands two that are out of the common.
GAPS_MAX = 5
# What is told of is given in seconds below this, else in minutes.
_SECONDS_MAX = 120.0
_OUT = frozenset({AlertKind.SAFE_ZONE_EXIT.value, AlertKind.NIGHT_OUTING.value})


def arrivals_after(arrivals_us: tuple[int, ...], fix: Fix, policy: Policy) -> tuple[int, ...]:
    """Return the newest arrivals with a fix: so many as there are gaps to remember, and one more.

    Args:
        arrivals_us: those before, oldest first. The first of an outing comes after the fix at home before it, unless
            that is so old that its track may be forgotten.
        fix: the fix.
        policy: the city's rules.
    """
    if not arrivals_us and fix.now_us - fix.before_us <= policy.lease.track_age_s * US_PER_S:
        arrivals_us = (fix.before_us,)
    if arrivals_us and fix.now_us - arrivals_us[-1] < ARRIVAL_US:
        return arrivals_us
    return (*arrivals_us, fix.now_us)[-GAPS_MAX - 1 :]


def usual_gap_us(arrivals_us: tuple[int, ...]) -> int | None:
    """Return the middle one of the gaps, the longer of two; None without any."""
    if len(arrivals_us) < 2:
        return None
    gaps_us = sorted(after - before for before, after in pairwise(arrivals_us))
    return gaps_us[len(gaps_us) // 2]


def silent_from_us(memory: WanderingState, rules: WanderingPolicy) -> int | None:
    """Return when a tracker that says nothing more has fallen silent; None while nobody waits for it.

    Waited for is who is out: that was told, nobody has ended its case, and no fix since lies inside a zone.
    """
    if memory.newest is None or not memory.outside_fixes or _OUT.isdisjoint(memory.raised):
        return None
    if AlertKind.FOUND in memory.raised:
        return None
    usual_us = usual_gap_us(memory.arrivals_us)
    if usual_us is None:
        return None
    limit_us = max(int(rules.no_contact_s * US_PER_S), int(rules.no_contact_gaps * usual_us))
    return memory.heard_us + limit_us if limit_us <= rules.memory_s * US_PER_S else None


def has_fallen_silent(memory: WanderingState) -> bool:
    """Return whether a silence was told of that has not ended."""
    return AlertKind.NO_CONTACT in memory.raised


def silenced(memory: WanderingState) -> WanderingState:
    """Return what is remembered once a silence was told of: that it was, and no longer where."""
    return replace(memory, raised=tuple(sorted({*memory.raised, AlertKind.NO_CONTACT.value})), newest=None)


def settled(memory: WanderingState) -> WanderingState:
    """Return what is remembered once people have ended the case of an outing that was told of."""
    if not memory.raised or AlertKind.FOUND in memory.raised:
        return memory
    kept = {*memory.raised, AlertKind.FOUND.value} - {AlertKind.NO_CONTACT.value}
    return replace(memory, raised=tuple(sorted(kept)))


def no_contact(memory: WanderingState, due_us: int, policy: Policy) -> Finding:
    """Return what must be told of a silence, as it was when it was due."""
    since = datetime.fromtimestamp(memory.heard_us // US_PER_S, policy.time_zone)
    why = (
        f"no fix since {since:%H:%M}, for {_long(due_us - memory.heard_us)}",
        f"usually one every {_long(usual_gap_us(memory.arrivals_us) or 0)}",
        "out when last heard",
    )
    return Finding(AlertKind.NO_CONTACT, why)


def heard_again(memory: WanderingState, fix: Fix) -> Finding:
    """Return what must be told when a fix ends a silence."""
    return Finding(AlertKind.HEARD_AGAIN, (f"a fix after {_long(fix.now_us - memory.heard_us)} of silence",))


def without_silence(memory: WanderingState, *, is_outside: bool) -> WanderingState:
    """Return what is remembered of an outing whose silence has ended.

    Heard again outside, the outing is told of anew: the case may have run out meanwhile, and now there is a place.
    """
    ended = {AlertKind.NO_CONTACT.value, *(_OUT if is_outside else ())}
    return replace(memory, raised=tuple(kind for kind in memory.raised if kind not in ended))


class Deadlines:
    """When to look at whom, the earliest first, ties by key. One who is heard meanwhile costs nothing until then."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, bytes]] = []
        self._first_us: dict[bytes, int] = {}

    def look_at(self, key: bytes, when_us: int) -> None:
        """Have somebody looked at, no later than this."""
        first_us = self._first_us.get(key)
        if first_us is None or when_us < first_us:
            self._first_us[key] = when_us
            heapq.heappush(self._heap, (when_us, key))

    def has(self, key: bytes, by_us: int) -> bool:
        """Return whether somebody will be looked at by a moment anyway."""
        first_us = self._first_us.get(key)
        return first_us is not None and first_us <= by_us

    def take(self, now_us: int) -> tuple[int, bytes] | None:
        """Return the next one to look at by now, and the moment that was set; None if there is none."""
        while self._heap and self._heap[0][0] <= now_us:
            when_us, key = heapq.heappop(self._heap)
            if self._first_us.get(key) == when_us:
                del self._first_us[key]
                return when_us, key
        return None


def _long(span_us: int) -> str:
    span_s = span_us / US_PER_S
    return f"{span_s:.0f} s" if span_s < _SECONDS_MAX else f"{span_s / 60:.0f} min"
