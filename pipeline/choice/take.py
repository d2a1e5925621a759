"""What taking a camera changes, and what is said of it: terms of its score."""

import math

import numpy as np
from numpy.typing import NDArray

from pipeline.choice.gain import bonus_of, forget, hit_seen, observe_of, travel_of
from pipeline.choice.hits import bearing_deg, heading_after, level
from pipeline.choice.layout import (
    BEARING,
    BONUS,
    CLUTTER,
    COVERED,
    DISTANCE,
    FACTOR,
    FIELD,
    GAIN,
    HEADING,
    HELD,
    LEVEL,
    OBSERVE,
    P_VIEW,
    PAN,
    PICKS_MAX,
    SIGHT,
    TRAVEL,
    Answer,
    Lens,
    Work,
)
from pipeline.compiled import compiled_lean
from pipeline.sight.optics import LOOSE

# Rows, pans and fields of the cameras that a case holds.
Held = tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]


@compiled_lean
def take(work: Work, c: int, count: int) -> float:
    """Choose a candidate with its aim: lower what is left to see and tell its pole-mates; return what it added."""
    one, observe_m, gain = work.candidates[c], observe_of(work, c, work.candidates[c]["field_deg"]), 0.0
    for hit in range(one["first"], one["end"]):
        p, place = hit_seen(work, c, hit, observe_m), work.places[work.hits[hit]["place"]]
        gain += place["want"] * p
        place["want"] *= 1.0 - p
        place["left"] *= 1.0 - p
    one["taken"] = 1
    if one["motion"] == LOOSE:
        for k in range(count):
            other = work.candidates[k]
            if other["site"] == one["site"] and other["motion"] == LOOSE and not other["taken"]:
                other["mates"] += 1
                forget(work, k)
    return gain


@compiled_lean
def hit_shown(work: Work, c: int, hit: int) -> float:
    """Return the probability that a candidate, aimed as it was chosen, shows the place of a hit."""
    return hit_seen(work, c, hit, observe_of(work, c, work.candidates[c]["field_deg"]))


@compiled_lean
def describe(work: Work, lens: Lens, c: int, gain: float, terms: NDArray[np.float32]) -> None:
    """Write the terms of a candidate's score.

    ``COVERED`` is the mass of the places in field and range; ``SIGHT``, ``LEVEL``, ``CLUTTER``, ``HEADING`` and
    ``FACTOR`` are means over it. Distance and bearing lead to the middle of what it shows, or else of all places.
    """
    one = work.candidates[c]
    row, observe_m = one["row"], observe_of(work, c, one["field_deg"])
    p_view, covered, x_m, y_m = 0.0, 0.0, 0.0, 0.0
    sight, levels, clutter, heading, factor = 0.0, 0.0, 0.0, 0.0, 0.0
    for hit in range(one["first"], one["end"]):
        p = hit_seen(work, c, hit, observe_m)
        if p <= 0.0:
            continue
        spot = work.hits[hit]
        place, metres = work.places[spot["place"]], int(spot["metres"])
        mass = place["mass"]
        p_view += mass * p
        covered += mass
        x_m += mass * p * place["x_m"]
        y_m += mass * p * place["y_m"]
        sight += mass * int(spot["share"]) / 255.0
        levels += mass * level(metres, observe_m, work.rules[0]["weak_view"])
        clutter += mass * work.fade[metres]
        heading += mass * heading_after(spot["heading"], one["mates"])
        factor += mass * float(lens.factor[row, int(spot["bin"]) // 10])
    whole = covered if covered > 0.0 else 1.0
    terms[SIGHT], terms[LEVEL], terms[CLUTTER] = sight / whole, levels / whole, clutter / whole
    terms[HEADING], terms[FACTOR] = heading / whole, factor / whole
    terms[DISTANCE], terms[BEARING] = one["distance_m"], one["bearing_deg"]
    if p_view > 0.0:
        dx_m, dy_m = x_m / p_view - lens.x_m[row], y_m / p_view - lens.y_m[row]
        terms[DISTANCE], terms[BEARING] = math.sqrt(dx_m * dx_m + dy_m * dy_m), bearing_deg(dx_m, dy_m)
    terms[PAN], terms[FIELD], terms[OBSERVE] = one["pan_deg"], one["field_deg"], observe_m
    terms[GAIN], terms[P_VIEW], terms[COVERED] = gain, p_view, covered
    terms[TRAVEL], terms[BONUS] = travel_of(work, c, one["pan_deg"]), bonus_of(work, c, one["pan_deg"])


@compiled_lean
def write_down(  # noqa: PLR0917 - a kernel takes plain arguments
    work: Work,
    lens: Lens,
    answer: Answer,
    c: int,
    at: tuple[int, int],
    gain: float,
    flags: int,
) -> None:
    """Write a candidate into the answer at (case, slot)."""
    one = work.candidates[c]
    describe(work, lens, c, gain, answer.terms[at[0], at[1]])
    answer.row[at[0], at[1]] = one["row"]
    answer.flags[at[0], at[1]] = flags | (HELD if one["held_at"] >= 0 else 0)


@compiled_lean
def sum_of_held(work: Work, start: int, stop: int, places: int) -> float:
    """Return what candidates that stand for the held cameras show, just as they are aimed; ``want`` is overwritten."""
    for place in range(places):
        work.places[place]["want"] = work.places[place]["mass"]
    for c in range(start, stop):
        one = work.candidates[c]
        one["pan_deg"] = one["held_pan_deg"]
        if one["held_field_deg"] > 0.0:
            one["field_deg"] = one["held_field_deg"]
        take(work, c, stop)
    seen = 0.0
    for place in range(places):
        seen += work.places[place]["mass"] - work.places[place]["want"]
    return min(max(seen, 0.0), 1.0)


@compiled_lean
def enter(  # noqa: PLR0917 - a kernel takes plain arguments
    work: Work, lens: Lens, start: int, stop: int, held: Held, middle_m: tuple[float, float]
) -> None:
    """Make candidates ``start`` to ``stop`` of the listed rows, with how a case holds them, and where its middle is."""
    candidates, rows, ranges_m, zooms = work.candidates, work.rows, work.ranges_m, len(work.zoom_deg)
    motion, site, id_hash, field_deg, observe_m = lens.motion, lens.site, lens.id_hash, lens.field_deg, lens.observe_m
    held_row, held_pan_deg, held_field_deg = held
    last_held = 0
    for k in range(PICKS_MAX):
        if held_row[k] >= 0:
            last_held = k + 1
    for c in range(start, stop):
        row, one = rows[c], candidates[c]
        one["row"], one["motion"], one["site"], one["id_hash"] = row, motion[row], site[row], id_hash[row]
        dx_m, dy_m = middle_m[0] - lens.x_m[row], middle_m[1] - lens.y_m[row]
        one["distance_m"], one["bearing_deg"] = math.sqrt(dx_m * dx_m + dy_m * dy_m), bearing_deg(dx_m, dy_m)
        one["mates"], one["taken"], one["held_at"], one["price"] = 0, 0, -1, 0.0
        one["pan_deg"], one["field_deg"] = math.nan, field_deg[row]
        one["held_pan_deg"] = one["held_field_deg"] = math.nan
        for zoom in range(zooms):
            ranges_m[c, zoom] = observe_m[row, zoom]
        for k in range(last_held):
            if held_row[k] == row:
                one["held_at"], one["held_pan_deg"], one["held_field_deg"] = k, held_pan_deg[k], held_field_deg[k]
                break
