"""The documents and their blocks.

Two marks, as comments on the line before a block, say what a reader does with it beyond typing it in:

- ``<!-- file: NAME -->``: it is saved under this name;
- ``<!-- not run: REASON -->``: it cannot be run in a test.
"""

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")]
# Whose shell blocks and connectors are run: by test_connector_pages.py, and by test_city_pages.py.
CONNECTOR_PAGES = sorted((ROOT / "docs" / "connectors").glob("*.md"))
CITY_PAGES = ("README.md", "docs/connectors.md", "docs/consumers.md", "docs/new-city.md", "docs/operators.md",
              "docs/selection.md")  # fmt: skip
SHELLS = frozenset({"bash", "sh", "shell", "console"})

_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>file|not run): (?P<word>[^\n]*?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a document.

    Attributes:
        line: where it begins, from 1.
        language: the word behind the fence.
        text: what is in it.
        file: the name it is saved under; empty for none.
        not_run: why it cannot be run; empty where it can.
    """

    line: int
    language: str
    text: str
    file: str = ""
    not_run: str = ""

    def commands(self) -> list[str]:
        """Return the commands of a shell block, each on one line and without comment."""
        joined = re.sub(r"\\\n\s*", " ", self.text)
        lines = (re.sub(r"(^|\s+)#\s.*$", "", line).strip() for line in joined.splitlines())
        return [line for line in lines if line]

    def instances(self) -> list[dict[str, Any]]:
        """Return the ``[[connector]]`` tables of a TOML block."""
        found = tomllib.loads(self.text).get("connector", []) if self.language == "toml" else []
        return list(found)

    def payloads(self) -> list[bytes]:
        """Return what a JSON block shows of what goes over the wire; files in folders are not sent."""
        plain = self.language == "json" and "/" not in self.file and not self.not_run
        return [json.dumps(json.loads(self.text), ensure_ascii=False).encode()] if plain else []


def blocks_of(path: Path) -> list[Block]:
    """Return the blocks of a document in their order."""
    text = path.read_text("utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        mark, word = match["mark"] or "", match["word"] or ""
        found.append(
            Block(
                text[: match.start()].count("\n") + 1,
                match["language"],
                match["text"],
                file=word if mark == "file" else "",
                not_run=word if mark == "not run" else "",
            )
        )
    return found


def blocks(path: Path, language: str) -> list[str]:
    """Return the texts of the blocks in a language."""
    return [block.text for block in blocks_of(path) if block.language == language]
