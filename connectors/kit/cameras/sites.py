"""Which cameras hang together, which ids they get, and which points carry too many. Pure.

Ids are functions of what a row says, never of where it stands, so that a re-import in any order gives the same ones:

* made from its number where the row has one that no other row of the file has. In the national standard that is
  ``<authority>-<management number>``; the authority is its code in the file, or 8 digits made from the owner's name
  where the file has none;
* else ``cctv-<16 digits>`` made from owner, position, address text (without spaces and without its city) and an
  ordinal among the rows that agree in all of these. Ordinals follow the rows' other cells, so only rows alike in every
  cell could change places, and then nothing is lost.

The second and further cameras of one row get ``#2``, ``#3`` … after the id. A hash does not give the address back.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from connectors.kit.cameras.faults import Flag
from connectors.kit.cameras.rows import ParsedRow

SEPARATOR = "\x1f"
# 64 bits: two of two million ids fall together with odds of 10^-7.
ID_BYTES = 8
OWNER_BYTES = 4

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Pile:
    """A point with far more cameras than a pole carries.

    Attributes:
        lat_deg: WGS 84 latitude.
        lon_deg: WGS 84 longitude.
        cameras: how many cameras the file puts there.
        owners: whose they are, in the order of their names.
    """

    lat_deg: float
    lon_deg: float
    cameras: int
    owners: tuple[str, ...]


def digest(text: str, size_bytes: int = ID_BYTES) -> str:
    """Return hexadecimal digits that stand for the text."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size_bytes).hexdigest()


def site_id(owner: str, lat_deg: float, lon_deg: float) -> str:
    """Return the id of the pole: owners have their own poles, also where two stand on one rounded point."""
    return "site-" + digest(f"{owner}{SEPARATOR}{lat_deg:.5f}{SEPARATOR}{lon_deg:.5f}")


def authority_id(row: ParsedRow) -> str:
    """Return the id of a row with a number by whose number it is."""
    return f"{row.scope or digest(row.owner, OWNER_BYTES)}-{row.number}"


def row_ids(
    rows: Sequence[ParsedRow], numbered_id: Callable[[ParsedRow], str] = authority_id
) -> list[tuple[str, tuple[Flag, ...]]]:
    """Return for each row its id and what is doubtful about it; ids are unique within the rows.

    Args:
        rows: the rows.
        numbered_id: gives the id of a row that has a number, if no other row gets the same.
    """
    numbered = [numbered_id(row) if row.number else "" for row in rows]
    times = Counter(numbered)
    ids: list[tuple[str, tuple[Flag, ...]]] = [("", ())] * len(rows)
    alike: dict[tuple[str, float, float, str], list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        if row.number and times[numbered[index]] == 1:
            ids[index] = (numbered[index], ())
        else:
            alike[row.owner, row.lat_deg, row.lon_deg, row.address].append(index)
    for (owner, lat_deg, lon_deg, address), members in alike.items():
        place = SEPARATOR.join((owner, f"{lat_deg:.5f}", f"{lon_deg:.5f}", address))
        for ordinal, index, flags in _ordered(rows, members):
            ids[index] = (f"cctv-{digest(f'{place}{SEPARATOR}{ordinal}')}", flags)
    return ids


def _ordered(rows: Sequence[ParsedRow], members: list[int]) -> Iterable[tuple[int, int, tuple[Flag, ...]]]:
    """Yield (ordinal from 1, index, flags) of rows that agree in owner, position and address, by their other cells."""
    if len(members) == 1:
        yield 1, members[0], _number_flags(rows[members[0]])
        return
    texts = {index: SEPARATOR.join(rows[index].cells) for index in members}
    times = Counter(texts.values())
    for ordinal, index in enumerate(sorted(members, key=texts.__getitem__), start=1):
        flags = _number_flags(rows[index])
        yield ordinal, index, (*flags, Flag.IDENTICAL_ROWS) if times[texts[index]] > 1 else flags


def _number_flags(row: ParsedRow) -> tuple[Flag, ...]:
    return (Flag.DUPLICATE_NUMBER,) if row.number else ()


def piles_of(rows: Iterable[ParsedRow], cameras_max: int) -> list[Pile]:
    """Return the points with more than ``cameras_max`` cameras, the biggest first; counts are those stated."""
    carried: Counter[Point] = Counter()
    owners: dict[Point, set[str]] = defaultdict(set)
    for row in rows:
        point = (row.lat_deg, row.lon_deg)
        carried[point] += row.cameras_stated
        owners[point].add(row.owner)
    piles = [
        Pile(lat_deg, lon_deg, cameras, tuple(sorted(owners[lat_deg, lon_deg])))
        for (lat_deg, lon_deg), cameras in carried.items()
        if cameras > cameras_max
    ]
    return sorted(piles, key=lambda pile: (-pile.cameras, pile.lat_deg, pile.lon_deg))
