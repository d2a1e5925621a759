"""What became of a registry file, for people and for programs: every row is accepted or refused, and says why.

Rows are named by their number, never by their text: a row's text may name a person.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from connectors.kit.cameras.faults import FLAG_MEANINGS, REASON_MEANINGS, REPAIRS, Flag, Reason
from connectors.kit.cameras.sites import Pile

EXAMPLES_MAX = 5
PILES_SHOWN = 10
OWNERS_SHOWN = 30


@dataclass(slots=True, kw_only=True)
class RegistryReport:
    """The account of one file. ``rows == accepted_rows + refused_rows`` always.

    Attributes:
        file: the file's name without its folder.
        variant: name of the header variant.
        encoding: ``utf-8``, ``utf-8-sig``, ``cp949`` or ``xlsx``.
        rows: rows with something in them, without the header.
        blank_rows: rows with nothing in them; not among ``rows``.
        accepted_rows: rows that became cameras.
        repaired_rows: accepted rows that were changed to make sense of them.
        refused_rows: rows that did not.
        cameras: cameras made; a row with a count makes several.
        cameras_cut: cameras that rows state beyond the cap.
        sites: poles.
        pile_min: a point with more cameras than this is a pile.
        refused: refused rows by reason.
        flags: accepted rows by flag.
        examples: the first row numbers of each reason and flag.
        owners: cameras by owner.
        kinds: cameras by kind.
        piles: the piles, biggest first.
        absent_columns: descriptive columns that the file does not have.
        ignored_columns: columns that no variant knows.
    """

    file: str
    variant: str
    encoding: str
    rows: int = 0
    blank_rows: int = 0
    accepted_rows: int = 0
    repaired_rows: int = 0
    refused_rows: int = 0
    cameras: int = 0
    cameras_cut: int = 0
    sites: int = 0
    pile_min: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    owners: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    piles: list[Pile] = field(default_factory=list)
    absent_columns: tuple[str, ...] = ()
    ignored_columns: tuple[str, ...] = ()

    def add_refused(self, row: int, reason: str) -> None:
        """Account for a row that became no camera."""
        self.refused_rows += 1
        self.refused[reason] += 1
        self._exemplify(reason, row)

    def add_accepted(self, row: int, flags: Iterable[str]) -> None:
        """Account for a row that became cameras, with its flags (each at most once)."""
        self.accepted_rows += 1
        repaired = False
        for flag in flags:
            self.flags[flag] += 1
            repaired = repaired or flag in REPAIRS
            self._exemplify(flag, row)
        self.repaired_rows += repaired

    def _exemplify(self, word: str, row: int) -> None:
        examples = self.examples[word]
        if len(examples) < EXAMPLES_MAX:
            examples.append(row)

    def as_json(self) -> dict[str, Any]:
        """Return the account as plain values, fit for ``json.dumps``."""
        return {
            "file": self.file,
            "variant": self.variant,
            "encoding": self.encoding,
            "rows": self.rows,
            "blank_rows": self.blank_rows,
            "accepted_rows": self.accepted_rows,
            "repaired_rows": self.repaired_rows,
            "refused_rows": self.refused_rows,
            "cameras": self.cameras,
            "cameras_cut": self.cameras_cut,
            "sites": self.sites,
            "pile_min": self.pile_min,
            "refused": dict(self.refused.most_common()),
            "flags": dict(self.flags.most_common()),
            "examples": {word: list(rows) for word, rows in sorted(self.examples.items())},
            "owners": dict(self.owners.most_common()),
            "kinds": dict(self.kinds.most_common()),
            "piles": [
                {"lat_deg": p.lat_deg, "lon_deg": p.lon_deg, "cameras": p.cameras, "owners": list(p.owners)}
                for p in self.piles
            ],
            "absent_columns": list(self.absent_columns),
            "ignored_columns": list(self.ignored_columns),
        }

    def as_text(self) -> str:
        """Return the account in lines for a person."""
        lines = [
            f"{self.file}: {self.variant}, {self.encoding}",
            f"  {self.rows:,} rows: {self.accepted_rows:,} accepted ({self.repaired_rows:,} of them repaired), "
            f"{self.refused_rows:,} refused",
            f"  {self.cameras:,} cameras on {self.sites:,} sites of {len(self.owners):,} owners",
        ]
        if self.blank_rows:
            lines.append(f"  {self.blank_rows:,} blank rows were passed over")
        if self.cameras_cut:
            lines.append(f"  {self.cameras_cut:,} cameras beyond the cap of a row were cut")
        lines += self._columns_text()
        if self.refused:
            lines += ["", "Refused (row numbers as a spreadsheet shows them, the header being row 1):"]
            lines += [self._line(word, n, REASON_MEANINGS[Reason(word)]) for word, n in self.refused.most_common()]
        if self.flags:
            lines += ["", "Accepted, but:"]
            lines += [self._line(word, n, FLAG_MEANINGS[Flag(word)]) for word, n in self.flags.most_common()]
        lines += self._piles_text()
        lines += ["", "Kinds: " + _counts(self.kinds), "Owners: " + _counts(self.owners)]
        return "\n".join(lines)

    def _columns_text(self) -> list[str]:
        lines = []
        if self.absent_columns:
            lines.append(f"  the file has no column for: {', '.join(self.absent_columns)}")
        if self.ignored_columns:
            lines.append(f"  not read: {', '.join(name[:24] for name in self.ignored_columns[:EXAMPLES_MAX])}")
        return lines

    def _piles_text(self) -> list[str]:
        if not self.piles:
            return []
        lines = [
            "",
            f"Piles (more than {self.pile_min} cameras on one point). No pole carries so many: a geocoder that did not",
            "find the address gave its default, often the district office. These cameras are kept, but their position",
            "is marked as a default, so that none of them is chosen as if it hung there:",
        ]
        for pile in self.piles[:PILES_SHOWN]:
            owners = ", ".join(pile.owners[:3]) + (" …" if len(pile.owners) > 3 else "")
            lines.append(f"  {pile.cameras:>8,} cameras at {pile.lat_deg:.5f}, {pile.lon_deg:.5f} ({owners})")
        if len(self.piles) > PILES_SHOWN:
            lines.append(f"  and {len(self.piles) - PILES_SHOWN} more")
        return lines

    def _line(self, word: str, count: int, meaning: str) -> str:
        rows = ", ".join(map(str, self.examples[word]))
        more = ", …" if count > EXAMPLES_MAX else ""
        return f"  {count:>8,} {word}: {meaning} (row {rows}{more})"


def _counts(counter: Counter[str]) -> str:
    shown = ", ".join(f"{word} {count:,}" for word, count in counter.most_common(OWNERS_SHOWN))
    rest = len(counter) - OWNERS_SHOWN
    return shown + (f" and {rest} more" if rest > 0 else "")
