"""Rows with more or fewer cells than the header: aligned again where only one way makes sense. Pure."""

from collections.abc import Callable

from connectors.cctv_registry.headers import Field, Layout
from connectors.kit.cameras.faults import Flag, Reason
from connectors.kit.errors import EntryRefusedError

# More pieces than this in one text cell, and it is not a text cell any more.
EXTRA_CELLS_MAX = 20
# Columns in which people type commas, in the order of trying.
_FREE_TEXT = (Field.ROAD_ADDRESS, Field.LOT_ADDRESS, Field.ADDRESS, Field.DIRECTION, Field.PURPOSE, Field.OWNER)

Judge = Callable[[list[str]], bool]


def align(cells: list[str], layout: Layout, fits: Judge) -> tuple[list[str], tuple[Flag, ...]]:
    """Return the row with as many cells as the header has columns, and how that was reached.

    Empty cells after the last column go. A row that is too long had a comma without quotes in a text cell: the first
    text column is taken whose joining makes position, numbers and dates fall into their columns. A row that is too
    short has lost its last cells, if the rest fits.

    Args:
        cells: the row.
        layout: the file's columns.
        fits: whether the typed columns of a row of full width hold what they should.

    Raises:
        EntryRefusedError: ``wrong-columns``.
    """
    width = layout.width
    got = len(cells)
    if got > width and not any(map(str.strip, cells[width:])):
        return cells[:width], (Flag.COLUMNS_TRIMMED,)
    if got < width:
        padded = cells + [""] * (width - got)
        if fits(padded):
            return padded, (Flag.COLUMNS_PADDED,)
    extra = got - width
    if 0 < extra <= EXTRA_CELLS_MAX:
        for field in _FREE_TEXT:
            index = layout.index_of(field)
            if index < 0:
                continue
            merged = [*cells[:index], ",".join(cells[index : index + extra + 1]), *cells[index + extra + 1 :]]
            if fits(merged):
                return merged, (Flag.COLUMNS_MERGED,)
    raise EntryRefusedError(Reason.WRONG_COLUMNS, None, f"a row must have {width} cells as the header has, got {got}")
