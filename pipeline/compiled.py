"""Compile the few loops that matter, where numba is installed; without it they run as plain Python, slower and equal.

One source serves both: two implementations of the same random walk would drift apart. Kernels therefore keep to what
numba compiles and Python runs alike: scalars, numpy arrays, no objects. ``kernel.py_func`` is the plain function where
numba is there, so that tests can hold one against the other.
"""

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

try:
    import numba
except ImportError:  # pragma: no cover - the tests run with numba; a job without it runs the kernels' plain functions
    numba = None

IS_COMPILED = numba is not None


def compiled(function: F) -> F:
    """Return the function compiled (machine code cached beside its module), or itself where numba is missing."""
    if numba is None:
        return function
    # No fastmath: sums must be the same in compiled and plain form. nogil: other threads run meanwhile.
    kernel: F = numba.njit(cache=True, nogil=True)(function)
    return kernel


def plain(kernel: F) -> F:
    """Return a kernel's plain Python function."""
    function: F = getattr(kernel, "py_func", kernel)
    return function
