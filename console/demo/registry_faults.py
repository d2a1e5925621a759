"""The faults of real camera registries, put into a made-up one, so that the demonstration answers them too."""

from collections.abc import Callable
from random import Random

# Columns of the standard's newest form.
NUMBER, ADDRESS, CAMERAS, PIXELS, DIRECTION, MONTH, LAT, LON = 1, 3, 6, 7, 8, 10, 12, 13
Row = list[str]


def _cells(cells: dict[int, str]) -> Callable[[Row], None]:
    """Return the fault that overwrites some cells of a row."""

    def spoil(row: Row) -> None:
        for column, text in cells.items():
            row[column] = text

    return spoil


def _swap_axes(row: Row) -> None:
    row[LAT], row[LON] = row[LON], row[LAT]


def _round_to_four_decimals(row: Row) -> None:
    row[LAT], row[LON] = f"{float(row[LAT]):.4f}", f"{float(row[LON]):.4f}"


def put_faults_in(random: Random, rows: list[Row], office_deg: tuple[float, float]) -> dict[str, int]:
    """Spoil some rows in place, each by one fault, and repeat three; return how many rows by fault.

    Args:
        random: where chance comes from.
        rows: the registry's rows; at least a few hundred.
        office_deg: latitude and longitude of the district office that a geocoder takes for every unknown address.
    """
    office = {LAT: f"{office_deg[0]:.7f}", LON: f"{office_deg[1]:.7f}"}
    elsewhere = {LAT: "35.1595450", LON: "126.8526010", ADDRESS: "다른시 다른구 다른로 1"}
    faults: list[tuple[str, int, Callable[[Row], None]]] = [
        ("zero-coordinates", 9, _cells({LAT: "0", LON: "0"})),
        ("digit-slip", 3, _cells({LON: "172.3941020"})),
        ("other-city", 4, _cells(elsewhere)),
        ("count-104", 1, _cells({CAMERAS: "104"})),
        ("no-pixels", 20, _cells({PIXELS: "0"})),
        ("odd-month", 12, _cells({MONTH: "1905-07"})),
        ("empty-month", 15, _cells({MONTH: ""})),
        ("no-number", 6, _cells({NUMBER: ""})),
        ("tab-in-cell", 5, _cells({DIRECTION: "정문\t방면"})),
        ("swapped-axes", 7, _swap_axes),
        ("four-decimals", 30, _round_to_four_decimals),
        ("pile", 40, _cells(office)),
    ]
    order = random.sample(rows, len(rows))
    for _, count, spoil in faults:
        for _ in range(count):
            spoil(order.pop())
    repeated = [list(order.pop()) for _ in range(3)]
    rows.extend(repeated)
    return {name: count for name, count, _ in faults} | {"repeated-row": len(repeated)}
