"""One fix of a person under protection: what is remembered after it, and what must be told.

A fix is *outside* if it lies outside every safe zone by more than its own 68 % radius, *inside* if it lies in one and
is exact enough, else it does not tell. An outing begins with the first fix outside and ends with ``return_fixes``
inside. Each kind of alert is told once an outing: an exit, or in the person's night rest an outing at night instead,
which is also told when the rest begins while they are out. Ways are looked at outside the zones only, of those for
whom the registry says so; without any zone, everywhere.
"""

from dataclasses import replace

from pipeline.geo import METRES_PER_DEGREE, Plane
from pipeline.rules.policy import US_PER_S, Policy
from pipeline.rules.wandering_policy import WanderingPolicy
from pipeline.wandering.findings import Finding, Fix
from pipeline.wandering.patterns import Pattern, pattern_in
from pipeline.wandering.protection import MINUTES_PER_DAY, Protection
from pipeline.wandering.silence import arrivals_after, has_fallen_silent, heard_again, without_silence
from schemas.wandering_alert import AlertKind
from schemas.wandering_state import TrailPoint, WanderingState

# Legs and rounds must be larger than what the fixes' own errors make of standing still.
LEG_ERRORS = 4.0
RADIUS_ERRORS = 2.0
STEP_ERRORS = 2.0

Seen = tuple[WanderingState | None, tuple[Finding, ...]]


def after_fix(memory: WanderingState | None, protection: Protection, fix: Fix, policy: Policy) -> Seen:
    """Return what is remembered after a fix, None for nothing, and what must be told.

    Args:
        memory: what was remembered before.
        protection: the person's registration.
        fix: the fix.
        policy: the city's rules.
    """
    rules = policy.wandering
    nearest = protection.nearest_zone(fix.lat_deg, fix.lon_deg)
    is_inside = nearest is not None and nearest[0] == 0.0 and fix.accuracy_m <= rules.accuracy_max_m
    if memory is None and is_inside:
        return None, ()  # where almost all fixes end
    memory = None if memory is None else aged(memory, fix.now_us, policy)
    is_outside = nearest is not None and nearest[0] > fix.accuracy_m
    contact: tuple[Finding, ...] = ()
    if memory is not None and has_fallen_silent(memory):
        contact = (heard_again(memory, fix),)
        memory = without_silence(memory, is_outside=is_outside)
    if nearest is not None and is_inside:
        memory, found = _inside(memory, nearest[1], fix, rules)
        return memory, contact + found
    if memory is None and nearest is not None and not is_outside:
        return None, contact
    memory = memory or WanderingState(case_id=protection.subject.case_id, heard_us=fix.now_us)
    memory = _heard(memory, fix, policy, is_outside=is_outside, has_zones=nearest is not None)
    findings: list[Finding] = []
    if nearest is not None and is_outside:
        memory, findings = _outside(memory, protection, fix, nearest, policy)
    if protection.subject.detects_patterns and (nearest is None or is_outside):
        memory, patterns = _on_the_way(memory, fix, rules)
        findings += patterns
    # What an outing is told of anew comes before the end of its silence, so that the case goes on.
    return (memory if _says_something(memory) else None), (*findings, *contact)


def aged(memory: WanderingState, now_us: int, policy: Policy) -> WanderingState | None:
    """Return what is still remembered now: ways end before what was told, and that ends with the longest case."""
    silent_us = now_us - memory.heard_us
    if silent_us <= policy.wandering.memory_s * US_PER_S:
        return memory
    if not memory.raised or silent_us > policy.lease.max_case_s * US_PER_S:
        return None
    return without_trail(memory)


def ages_us(memory: WanderingState, now_us: int, policy: Policy) -> int:
    """Return from when on :func:`aged` may leave less than now."""
    memory_us = int(policy.wandering.memory_s * US_PER_S)
    is_young = now_us - memory.heard_us <= memory_us
    return memory.heard_us + 1 + (memory_us if is_young else int(policy.lease.max_case_s * US_PER_S))


def without_trail(memory: WanderingState, *, keeps_newest: bool = False) -> WanderingState | None:
    """Return what is remembered without any position, or with the newest one only; None if that is nothing."""
    newest = memory.newest if keeps_newest else None
    if memory.trail or newest is not memory.newest:
        memory = replace(memory, trail=(), newest=newest)
    return memory if _says_something(memory) else None


def _heard(memory: WanderingState, fix: Fix, policy: Policy, *, is_outside: bool, has_zones: bool) -> WanderingState:
    """Return what is remembered with a fix that is not inside a zone."""
    return replace(
        memory,
        heard_us=fix.now_us,
        outside_fixes=memory.outside_fixes + is_outside,
        inside_fixes=0 if is_outside else memory.inside_fixes,
        arrivals_us=arrivals_after(memory.arrivals_us, fix, policy),
        newest=_point(fix) if has_zones else None,
    )


def _says_something(memory: WanderingState) -> bool:
    return bool(memory.outside_fixes or memory.raised or memory.trail or memory.pattern_us)


def _inside(memory: WanderingState | None, zone_ref: str, fix: Fix, rules: WanderingPolicy) -> Seen:
    """Return what a fix inside a zone makes of an outing: its end, or a step towards it."""
    if memory is None or not memory.raised:
        return None, ()
    inside_fixes = memory.inside_fixes + 1
    if inside_fixes < rules.return_fixes:
        memory = replace(memory, heard_us=fix.now_us, inside_fixes=inside_fixes, outside_fixes=0, trail=(), newest=None)
        return memory, ()
    why = (f"inside zone {zone_ref} ± {fix.accuracy_m:.0f} m", _in_a_row(inside_fixes))
    return None, (Finding(AlertKind.RETURNED, why),)


def _outside(
    memory: WanderingState,
    protection: Protection,
    fix: Fix,
    nearest: tuple[float, str],
    policy: Policy,
) -> tuple[WanderingState, list[Finding]]:
    """Return the outing after a fix outside, and what is new of it."""
    rules, (outside_m, zone_ref) = policy.wandering, nearest
    is_clear = outside_m > fix.accuracy_m + rules.clear_m
    if AlertKind.NIGHT_OUTING in memory.raised or (memory.outside_fixes < rules.exit_fixes and not is_clear):
        return memory, []
    is_night = protection.is_at_rest(fix.fix_us, policy.time_zone)
    if not is_night and AlertKind.SAFE_ZONE_EXIT in memory.raised:
        return memory, []
    count = memory.outside_fixes
    why = [
        f"outside zone {zone_ref} by {outside_m:.0f} m ± {fix.accuracy_m:.0f} m",
        _in_a_row(count) if count >= rules.exit_fixes else f"one fix clear by {rules.clear_m:.0f} m",
    ]
    kind = AlertKind.SAFE_ZONE_EXIT
    if is_night:
        kind = AlertKind.NIGHT_OUTING
        why.append(
            f"in the night rest {_clock(protection.subject.quiet_from_min)} to "
            f"{_clock(protection.subject.quiet_until_min)}"
        )
    return _raised(memory, kind), [Finding(kind, tuple(why))]


def _on_the_way(memory: WanderingState, fix: Fix, rules: WanderingPolicy) -> tuple[WanderingState, list[Finding]]:
    """Return the outing with the fix as a corner of its way, if it is one, and the pattern that shows with it."""
    trail = _trail_with(memory.trail, fix, rules)
    if trail is memory.trail:
        return memory, []
    memory = replace(memory, trail=trail)
    if memory.pattern_us and fix.fix_us - memory.pattern_us < rules.again_s * US_PER_S:
        return memory, []
    pattern = _pattern(trail, rules)
    if pattern is None:
        return memory, []
    memory = replace(_raised(memory, AlertKind.WANDERING_PATTERN), pattern_us=fix.fix_us)
    return memory, [Finding(AlertKind.WANDERING_PATTERN, (pattern.words,))]


def _trail_with(trail: tuple[TrailPoint, ...], fix: Fix, rules: WanderingPolicy) -> tuple[TrailPoint, ...]:
    """Return the way with the fix as its newest corner; the same way if it is none."""
    if fix.accuracy_m > rules.accuracy_max_m:
        return trail
    corner = _point(fix)
    if not trail:
        return (corner,)
    last = trail[-1]
    step_m = Plane(last.lat_deg, last.lon_deg).to_metres(fix.lat_deg, fix.lon_deg)
    moved_m = float((step_m[0] ** 2 + step_m[1] ** 2) ** 0.5)
    if moved_m < max(rules.trail_step_m, STEP_ERRORS * fix.accuracy_m):
        return trail
    taken_s = max((fix.fix_us - last.fix_us) / US_PER_S, 1.0)
    if moved_m - fix.accuracy_m - last.accuracy_m > rules.walk_max_mps * taken_s:
        return (corner,)
    first_us = fix.fix_us - int(rules.window_s * US_PER_S)
    return tuple(point for point in (*trail, corner)[-rules.trail_points :] if point.fix_us >= first_us)


def _point(fix: Fix) -> TrailPoint:
    return TrailPoint(fix_us=fix.fix_us, lat_deg=fix.lat_deg, lon_deg=fix.lon_deg, accuracy_m=fix.accuracy_m)


def _pattern(trail: tuple[TrailPoint, ...], rules: WanderingPolicy) -> Pattern | None:
    plane, first_us = Plane(trail[0].lat_deg, trail[0].lon_deg), trail[0].fix_us
    east, north = plane.metres_per_degree_east, METRES_PER_DEGREE
    way = [
        ((p.lon_deg - plane.lon_deg) * east, (p.lat_deg - plane.lat_deg) * north, (p.fix_us - first_us) / US_PER_S)
        for p in trail
    ]
    error_m = sum(p.accuracy_m for p in trail) / len(trail)
    return pattern_in(
        way,
        turns=rules.pacing_turns,
        leg_m=max(rules.pacing_leg_m, LEG_ERRORS * error_m),
        rounds=rules.lapping_rounds,
        radius_m=max(rules.lapping_radius_m, RADIUS_ERRORS * error_m),
    )


def _raised(memory: WanderingState, kind: AlertKind) -> WanderingState:
    return replace(memory, raised=tuple(sorted({*memory.raised, kind.value})))


def _in_a_row(count: int) -> str:
    return f"{count} fixes in a row" if count > 1 else "1 fix"


def _clock(minute: int | None) -> str:
    minute = (minute or 0) % MINUTES_PER_DAY
    return f"{minute // 60:02}:{minute % 60:02}"
