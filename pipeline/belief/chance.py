"""Random numbers without a hidden state: each is a hash of a seed, a stream and a counter.

The same belief follows from the same log on every machine, in any order of the cases and in any batch, because nothing
is drawn "next": particle 17 of a case has its own stream, and its third draw is the third draw of that stream whatever
else happened. Not for secrets: who knows the seed knows the numbers.

The mixing is splitmix64's (G. L. Steele, D. Lea, C. H. Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA
2014; constants of S. Vigna's public-domain splitmix64.c). Products run over 64 bits on purpose. Machine code wraps
without a word; in the plain form numpy would warn, therefore functions that call kernels are marked ``wrapping``.
"""

import hashlib
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from pipeline.compiled import compiled

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_SHIFT_1, _SHIFT_2, _SHIFT_3 = np.uint64(30), np.uint64(27), np.uint64(31)
_ONE = np.uint64(1)
# The upper 53 bits are what a float64 between 0 and 1 holds exactly.
_SHIFT_TO_53 = np.uint64(11)
_PER_2_53 = 2.0**-53
NORMAL_ENTRIES = 4_096
# Mark for functions in which 64-bit products may run over.
wrapping = np.errstate(over="ignore")


def _normal_table() -> NDArray[np.float64]:
    """Return the standard normal's quantiles at the middles of 4,096 equal shares (M. J. Wichura, AS 241, 1988)."""
    normal = NormalDist()
    return np.array([normal.inv_cdf((k + 0.5) / NORMAL_ENTRIES) for k in range(NORMAL_ENTRIES)])


# The farthest entries are 3.67 standard deviations out; the table's own standard deviation is 0.9997.
_NORMAL = _normal_table()


def seed_of(case_id: bytes, number: int) -> np.uint64:
    """Return the seed of a case's belief at one of its versions.

    Args:
        case_id: the case.
        number: version of the belief, 0 to 2^64 - 1.
    """
    digest = hashlib.blake2b(case_id + number.to_bytes(8, "little"), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


@compiled
def mixed(value: np.uint64) -> np.uint64:
    """Return 64 bits, each of which depends on every bit of the value (splitmix64's finaliser)."""
    value = (value ^ (value >> _SHIFT_1)) * _MIX_1
    value = (value ^ (value >> _SHIFT_2)) * _MIX_2
    return value ^ (value >> _SHIFT_3)


@compiled
def stream_of(seed: np.uint64, stream: int) -> np.uint64:
    """Return where a stream of a seed begins, for ``uniform_at``; streams are numbered from 0."""
    return mixed(seed ^ mixed((np.uint64(stream) + _ONE) * _GOLDEN))


@compiled
def uniform_at(start: np.uint64, counter: int) -> float:
    """Return the draw with this number of a stream, 0 <= u < 1; draws are numbered from 0."""
    value = mixed(start + (np.uint64(counter) + _ONE) * _GOLDEN)
    return np.float64(value >> _SHIFT_TO_53) * _PER_2_53


@compiled
def uniform(seed: np.uint64, stream: int, counter: int) -> float:
    """Return one draw of a stream of a seed, 0 <= u < 1."""
    return uniform_at(stream_of(seed, stream), counter)


@compiled
def normal_from(u: float) -> float:
    """Return the standard normal number that belongs to 0 <= u < 1, by a table of 4,096 quantiles."""
    return float(_NORMAL[int(u * NORMAL_ENTRIES)])
