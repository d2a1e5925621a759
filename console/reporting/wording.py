"""Figures as people read them."""

_FEW = "–"


def lasting(seconds: float | None) -> str:
    """Return a duration: ``2.4 s``, ``45 s``, ``7 min``, ``1 min 30 s``, ``3 h``; a dash for None."""
    if seconds is None:
        return _FEW
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, rest = divmod(round(whole / 60), 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def share(value: float | None) -> str:
    """Return a share as percent without decimals; a dash for None."""
    return _FEW if value is None else f"{100 * value:.0f} %"


def mean(value: float | None) -> str:
    """Return a mean with one decimal; a dash for None."""
    return _FEW if value is None else f"{value:.1f}"
