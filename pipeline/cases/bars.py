"""Cameras that must not be chosen for a case for now: barred by an operator, or by a head that others hold.

The bar of a head that a higher bid would win has a price: the head may be chosen where it is worth more than that.
"""

from collections.abc import Collection
from dataclasses import replace

from schemas.camera_assignment import CameraRole, PtzState
from schemas.case_state import BarredCamera, CaseState

BARRED_MAX = 64
BY_OPERATOR = "operator"
BY_HEAD = "head-denied"


def bars_now(case: CaseState, now_us: int) -> list[BarredCamera]:
    """Return the bars that hold now."""
    return [bar for bar in case.barred if _holds(bar, now_us)]


def barred_ids(case: CaseState, now_us: int) -> tuple[str, ...]:
    """Return the ids of the cameras that must not be chosen now, sorted."""
    return tuple(sorted(bar.camera_id for bar in bars_now(case, now_us)))


def prices_now(case: CaseState, now_us: int) -> dict[str, float]:
    """Return what a bid must exceed for each head that a high enough one would win, by camera id, sorted.

    Nobody tells when a price falls: the head may be asked for at any price again when its bar ends.
    """
    return dict(sorted((bar.camera_id, bar.price) for bar in bars_now(case, now_us) if bar.price is not None))


def awaits_plan(case: CaseState) -> bool:
    """Return whether a head that the newest version wants was denied since, so that the case must be planned anew."""
    return any(held.ptz == PtzState.DENIED and held.role != CameraRole.ENDING for held in case.held)


def next_bar_end_us(case: CaseState, now_us: int) -> int | None:
    """Return when the next bar ends, so that the case can be looked at anew; None when none ends by itself."""
    return min(
        (bar.until_us for bar in case.barred if bar.until_us is not None and bar.until_us > now_us), default=None
    )


def with_bar(case: CaseState, bar: BarredCamera, now_us: int) -> CaseState | None:
    """Return the case with a bar, at most one a camera: an operator's stays whatever the heads say.

    Bars that have ended are dropped. When ``BARRED_MAX`` hold, the head's bar that ends first makes room; None when
    all are the operators'.
    """
    before = next((b for b in case.barred if b.camera_id == bar.camera_id), None)
    if before is not None and before.reason == BY_OPERATOR:
        return case
    others = [b for b in case.barred if b is not before and _holds(b, now_us)]
    if len(others) >= BARRED_MAX:
        of_heads = [b for b in others if b.until_us is not None]
        if not of_heads:
            return None
        others.remove(min(of_heads, key=lambda b: (b.until_us or 0, b.camera_id)))
    return replace(case, barred=(*others, bar))


def without_bar(case: CaseState, camera_id: str, reason: str) -> CaseState:
    """Return the case without a camera's bar of this reason."""
    left = tuple(b for b in case.barred if (b.camera_id, b.reason) != (camera_id, reason))
    return case if len(left) == len(case.barred) else replace(case, barred=left)


def without_bars(case: CaseState, camera_ids: Collection[str]) -> CaseState:
    """Return the case without the heads' bars of these cameras: it asks for them again."""
    left = tuple(b for b in case.barred if b.reason != BY_HEAD or b.camera_id not in camera_ids)
    return case if len(left) == len(case.barred) else replace(case, barred=left)


def _holds(bar: BarredCamera, now_us: int) -> bool:
    return bar.until_us is None or bar.until_us > now_us
