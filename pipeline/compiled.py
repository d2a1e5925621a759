"""Compile the few loops that matter, where numba is installed; without it they run as plain Python, slower and equal.

One source serves both: two implementations of the same random walk would drift apart. Kernels therefore keep to what
numba compiles and Python runs alike: scalars, numpy arrays, no objects. ``kernel.py_func`` is the plain function where
numba is there, so that tests can hold one against the other.

Machine code is kept on disk, because compiling takes half a minute. numba looks only at the file of a kernel itself and
would go on with old code when a kernel that it calls has changed in another file; so each state of the kernels' sources
has a folder of its own. That is the only file this package touches, and nothing that decides is in it.
"""

import hashlib
import importlib
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
# Folders of machine code that are kept: this one and a few before it, for those who go back and forth.
FOLDERS_MAX = 5
_SOURCES = Path(__file__).parent

numba: Any = None
with suppress(ImportError):
    numba = importlib.import_module("numba")

IS_COMPILED = numba is not None


def compiled(function: F) -> F:
    """Return the function compiled, with its machine code kept on disk, or itself where numba is missing."""
    return _compiled(function, counts_references=True)


def compiled_lean(function: F) -> F:
    """Return the function compiled without counting references to arrays: up to twice as fast.

    For kernels that take arrays out of tuples, cut and hand them on, but make none, return none and use no numpy
    function that does; the compiler refuses those. What they are given lives on, because their caller holds it.
    """
    return _compiled(function, counts_references=False)


def _compiled(function: F, *, counts_references: bool) -> F:
    if numba is None:
        return function
    # No fastmath: sums must be the same in compiled and plain form. nogil: other threads run meanwhile. The run time
    # that counts references (NRT) is a counter in memory for each array, locked at each step.
    kernel: F = numba.njit(cache=_IS_KEPT, nogil=True, _nrt=counts_references)(function)
    return kernel


def plain(kernel: F) -> F:
    """Return a kernel's plain Python function."""
    function: F = getattr(kernel, "py_func", kernel)
    return function


def _keep_machine_code() -> bool:
    """Tell numba where to keep machine code; return False where it cannot be kept."""
    if numba is None:
        return False
    if numba.config.CACHE_DIR:
        return True  # whoever sets NUMBA_CACHE_DIR looks after it
    digest = hashlib.sha256(_kernel_sources())
    kept = _SOURCES.parent / ".cache" / "kernels"
    folder = kept / digest.hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.touch()
    except OSError:
        return False  # a read-only installation compiles at every start
    for old in sorted(kept.iterdir(), key=lambda path: -path.stat().st_mtime)[FOLDERS_MAX:]:
        shutil.rmtree(old, ignore_errors=True)
    numba.config.CACHE_DIR = str(folder)
    return True


def _kernel_sources() -> bytes:
    """Return the sources of all modules with kernels and of what they import from this package."""
    texts = {
        ".".join(source.relative_to(_SOURCES).with_suffix("").parts): source.read_text("utf-8")
        for source in _SOURCES.rglob("*.py")
    }
    open_names = sorted(name for name, text in texts.items() if "@compiled" in text)
    names: set[str] = set()
    while open_names:
        name = open_names.pop()
        if name in texts and name not in names:
            names.add(name)
            for package, modules in re.findall(r"^from pipeline\b\.?([\w.]*) import (.+)$", texts[name], re.MULTILINE):
                imported = re.findall(r"\w+", modules)
                open_names += [package, *(f"{package}.{module}".lstrip(".") for module in imported)]
    return "".join(texts[name] for name in sorted(names)).encode()


_IS_KEPT = _keep_machine_code()
