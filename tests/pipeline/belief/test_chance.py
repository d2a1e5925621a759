"""Chance is a hash: the same seed, stream and counter give the same number, and the numbers look random."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.belief.chance import NORMAL_ENTRIES, mixed, normal_from, seed_of, stream_of, uniform, uniform_at
from pipeline.compiled import plain

SEEDS = st.integers(0, 2**64 - 1).map(np.uint64)
NUMBERS = st.integers(0, 2**31 - 1)


def test_the_mixing_is_that_of_splitmix64() -> None:
    # First outputs of the reference program for the seed 1234567.
    golden = 0x9E3779B97F4A7C15
    states = [np.uint64((1234567 + k * golden) % 2**64) for k in (1, 2, 3)]
    assert [int(mixed(state)) for state in states] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


@given(SEEDS, NUMBERS, NUMBERS)
def test_a_draw_depends_on_nothing_but_its_numbers(seed: np.uint64, stream: int, counter: int) -> None:
    first = uniform(seed, stream, counter)
    uniform(seed, stream, counter + 1)
    assert uniform(seed, stream, counter) == first
    # Machine code hands a 64-bit number to Python as int.
    assert uniform_at(np.uint64(stream_of(seed, stream)), counter) == first
    assert 0.0 <= first < 1.0


@given(SEEDS, NUMBERS, NUMBERS)
def test_the_plain_form_draws_the_same_bits(seed: np.uint64, stream: int, counter: int) -> None:
    with np.errstate(over="ignore"):
        assert plain(mixed)(seed) == mixed(seed)
        assert plain(uniform_at)(seed, counter) == uniform_at(seed, counter)
        assert plain(stream_of)(seed, stream) == stream_of(seed, stream)
    u = uniform(seed, stream, counter)
    assert plain(normal_from)(u) == normal_from(u)


def test_draws_along_a_stream_and_across_streams_are_even() -> None:
    seed = seed_of(b"case", 1)
    along = np.array([uniform(seed, 7, k) for k in range(20_000)])
    across = np.array([uniform(seed, k, 7) for k in range(20_000)])
    for draws in (along, across):
        counts = np.histogram(draws, 20, (0.0, 1.0))[0]
        chi_squared = ((counts - 1_000) ** 2 / 1_000).sum()
        assert chi_squared < 43.8  # 0.1 % of even draws exceed this with 19 degrees of freedom
        assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.03
    assert abs(np.corrcoef(along, across)[0, 1]) < 0.03


def test_normal_numbers_have_mean_0_and_deviation_1() -> None:
    u = (np.arange(NORMAL_ENTRIES) + 0.5) / NORMAL_ENTRIES
    normals = np.array([normal_from(x) for x in u])
    assert abs(normals.mean()) < 1e-12
    assert abs(normals.std() - 1.0) < 1e-3
    assert (np.diff(normals) > 0).all()
    assert abs(np.mean(np.abs(normals) < 1.0) - 0.6827) < 1e-3


def test_the_ends_of_the_draws_have_a_normal_number() -> None:
    assert normal_from(0.0) == -normal_from(1.0 - 2.0**-53)
    assert 3.5 < normal_from(1.0 - 2.0**-53) < 4.0


@given(st.binary(max_size=40), st.binary(max_size=40), NUMBERS, NUMBERS)
def test_another_case_or_version_has_another_seed(case: bytes, other: bytes, number: int, later: int) -> None:
    assert (seed_of(case, number) == seed_of(other, later)) == ((case, number) == (other, later))


def test_seeds_stay_what_they_are() -> None:
    # A change here would make a replayed log give other beliefs.
    assert int(seed_of(b"case-1", 3)) == 15782230057533263509
    assert uniform(seed_of(b"case-1", 3), 2, 1) == 0.6641275449770935
