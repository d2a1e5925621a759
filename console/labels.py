"""A city's words for people: what is shown in place of codes. Machines keep the codes."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import PolicyError

FILE_NAME = "labels.toml"
FILE_BYTES_MAX = 1 << 20
LABELS_MAX = 1_000
LABEL_CHARACTERS_MAX = 60
_PARTS = ("kinds", "services", "reasons")


@dataclass(frozen=True, slots=True)
class Labels:
    """Words by code; a code without a word is its own word.

    Attributes:
        kinds: of incidents.
        services: of the contract.
        reasons: why versions are made.
    """

    kinds: Mapping[str, str] = field(default_factory=dict)
    services: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)

    def kind(self, code: str) -> str:
        """Return the word for a kind."""
        return self.kinds.get(code, code)

    def service(self, code: str) -> str:
        """Return the word for a service."""
        return self.services.get(code, code)

    def reason(self, code: str) -> str:
        """Return the word for a reason."""
        return self.reasons.get(code, code)


CODES = Labels()


def read_labels(folder: Path) -> Labels:
    """Return the words in a city's folder; none where it has no such file.

    Raises:
        PolicyError: the file is not usable, or a field breaks a rule; the message names it.
    """
    path = folder / FILE_NAME
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise PolicyError(f"{FILE_NAME} must have at most {FILE_BYTES_MAX} bytes, got {path.stat().st_size}")
        table = tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        return CODES
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PolicyError(f"{FILE_NAME}: {error}") from error
    except OSError as error:
        raise PolicyError(f"{FILE_NAME} cannot be read: {error.strerror or type(error).__name__}") from error
    if unknown := sorted(table.keys() - set(_PARTS)):
        raise PolicyError(f"{FILE_NAME}: unknown field {unknown[0]}; known: {', '.join(_PARTS)}")
    return Labels(*(_words(name, table.get(name, {})) for name in _PARTS))


def _words(part: str, words: Any) -> dict[str, str]:
    where = f"{FILE_NAME} [{part}]"
    if not isinstance(words, dict) or len(words) > LABELS_MAX:
        raise PolicyError(f"{where}: must be a table of at most {LABELS_MAX} words")
    for code, word in words.items():
        # What a terminal would obey instead of show must not come in.
        if not isinstance(word, str) or not 0 < len(word) <= LABEL_CHARACTERS_MAX or not word.isprintable():
            raise PolicyError(f"{where}: {code} must be 1 to {LABEL_CHARACTERS_MAX} printable characters")
    return words
