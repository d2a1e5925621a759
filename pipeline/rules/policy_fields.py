"""Read typed, bounded fields out of a policy table, with messages that name the field."""

import math
from collections.abc import Mapping
from typing import Any

from pipeline.errors import PolicyError


class PolicyFields:
    """The fields of one TOML table. Every field must be asked for: :meth:`done` refuses what is left, misspelt or not.

    Args:
        where: file and table, e.g. ``policy.toml [search]``; opens every message.
        table: the table as parsed.
    """

    def __init__(self, where: str, table: Mapping[str, Any]) -> None:
        self.where = where
        self._table = table
        self._asked: set[str] = set()

    def has(self, name: str) -> bool:
        """Return whether the field is given."""
        return name in self._table

    def number(self, name: str, low: float, high: float) -> float:
        """Return a number from ``low`` to ``high``."""
        return self._bounded(name, self._get(name), low, high)

    def integer(self, name: str, low: int, high: int) -> int:
        """Return a whole number from ``low`` to ``high``."""
        return self._whole(name, self._bounded(name, self._get(name), low, high))

    def numbers(self, name: str, low: float, high: float) -> tuple[float, ...]:
        """Return a list of at least one number, each from ``low`` to ``high``."""
        values = self._list(name)
        return tuple(self._bounded(f"{name}[{i}]", value, low, high) for i, value in enumerate(values))

    def integers(self, name: str, low: int, high: int) -> tuple[int, ...]:
        """Return a list of at least one whole number, each from ``low`` to ``high``."""
        return tuple(self._whole(f"{name}[{i}]", value) for i, value in enumerate(self.numbers(name, low, high)))

    def text(self, name: str) -> str:
        """Return a text that is not empty."""
        value = self._get(name)
        if not isinstance(value, str) or not value.strip():
            raise self.error(name, f"must be a text, got {value!r}")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts; empty when the field is missing."""
        self._asked.add(name)
        values = self._table.get(name, [])
        if not isinstance(values, list):
            raise self.error(name, f"must be a list of texts, got {values!r}")
        for i, value in enumerate(values):
            if not isinstance(value, str):
                raise self.error(f"{name}[{i}]", f"must be a text, got {value!r}")
        return tuple(values)

    def members(self, name: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
        """Return a list of allowed texts; empty when the field is missing."""
        values = self.texts(name)
        for value in values:
            if value not in allowed:
                raise self.error(name, f"must be of {', '.join(allowed)}, got {value!r}")
        return values

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        """Return one of the allowed texts."""
        value = self.text(name)
        if value not in allowed:
            raise self.error(name, f"must be one of {', '.join(allowed)}, got {value!r}")
        return value

    def flag(self, name: str) -> bool:
        """Return true or false; false when the field is missing."""
        self._asked.add(name)
        value = self._table.get(name, False)
        if not isinstance(value, bool):
            raise self.error(name, f"must be true or false, got {value!r}")
        return value

    def table(self, name: str) -> "PolicyFields":
        """Return a table inside this one."""
        value = self._get(name)
        if not isinstance(value, dict):
            raise self.error(name, f"must be a table, got {value!r}")
        return PolicyFields(f"{self.where} [{name}]", value)

    def tables(self, name: str) -> list["PolicyFields"]:
        """Return the tables of an array of tables, in order; empty when the field is missing."""
        self._asked.add(name)
        values = self._table.get(name, [])
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            raise self.error(name, f"must be an array of tables ([[{name}]])")
        return [PolicyFields(f"{self.where} [[{name}]] {i + 1}", value) for i, value in enumerate(values)]

    def done(self) -> None:
        """Refuse fields that nobody asked for.

        Raises:
            PolicyError: there is one; its name is likely misspelt.
        """
        unknown = sorted(self._table.keys() - self._asked)
        if unknown:
            raise PolicyError(f"{self.where}: unknown field {unknown[0]}; known: {', '.join(sorted(self._asked))}")

    def error(self, name: str, problem: str) -> PolicyError:
        """Return an error that names the field."""
        return PolicyError(f"{self.where}: {name} {problem}")

    def _get(self, name: str) -> Any:
        self._asked.add(name)
        if name not in self._table:
            raise self.error(name, "is missing")
        return self._table[name]

    def _list(self, name: str) -> list[Any]:
        value = self._get(name)
        if not isinstance(value, list) or not value:
            raise self.error(name, f"must be a list with at least one member, got {value!r}")
        return value

    def _whole(self, name: str, value: float) -> int:
        if value != int(value):
            raise self.error(name, f"must be a whole number, got {value}")
        return int(value)

    def _bounded(self, name: str, value: Any, low: float, high: float) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.error(name, f"must be a number, got {value!r}")
        if not low <= value <= high:
            raise self.error(name, f"must be from {low} to {high}, got {value}")
        return float(value)
