"""Words that the scaffold writes for the author to replace, and that were left."""

from importlib.resources.abc import Traversable

# Where they stand, what they begin with, and what to write instead. They are those of scaffold/templates.
_IN_FOLDER = (
    ("manifest.toml", "What system it links and what it", "write a description of your own"),
    ("__init__.py", "write here what system this is", "say what system this is, and who runs it"),
    ("__init__.py", "Replace this by the real one", "name the real system"),
    ("parse.py", "# Replace these by the codes of the system", "write the system's codes, and take the comment out"),
)
_ON_PAGE = "What system this is, who runs it, where its format is described"


def leftovers_of(folder: Traversable, page: Traversable) -> list[str]:
    """Return which words of the scaffold were left in a connector's folder and on its page, with what to write."""
    found = [
        f"{name} has still the words of the scaffold ({words!r}): {what}"
        for name, words, what in _IN_FOLDER
        if words in _text(folder / name)
    ]
    if _ON_PAGE in _text(page):
        found.append(f"docs/connectors/{page.name} has still the words of the scaffold: say what system this is")
    return found


def _text(file: Traversable) -> str:
    return file.read_text("utf-8") if file.is_file() else ""
