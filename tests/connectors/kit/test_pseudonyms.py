import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.pseudonyms import Pseudonyms

OLD, NEW = b"o" * 32, b"n" * 32


def test_the_same_id_gets_the_same_pseudonym_in_its_published_form() -> None:
    pseudonym = Pseudonyms(NEW).of("tracker", "01012345678")
    assert pseudonym == Pseudonyms(NEW).of("tracker", "01012345678")
    # printf 'tracker\\00001012345678' | openssl dgst -sha256 -hmac nnnn… -binary | head -c 15 | base32
    assert pseudonym == "s:3nnloyo2lpamyv4w6l7nrbh4"


def test_key_scheme_and_id_each_change_the_pseudonym() -> None:
    made = {
        Pseudonyms(NEW).of("tracker", "1"),
        Pseudonyms(OLD).of("tracker", "1"),
        Pseudonyms(NEW).of("phone", "1"),
        Pseudonyms(NEW).of("tracker", "2"),
    }
    assert len(made) == 4


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_pseudonym_shows_nothing_of_the_id_and_two_ids_never_share_one(first: str, second: str) -> None:
    pseudonyms = Pseudonyms(NEW)
    made = pseudonyms.of("tracker", first)
    assert made.startswith("s:")
    assert len(made) == 26
    assert (made == pseudonyms.of("tracker", second)) == (first == second)


def test_a_hundred_thousand_ids_get_as_many_pseudonyms() -> None:
    pseudonyms = Pseudonyms(NEW)
    assert len({pseudonyms.of("tracker", str(number)) for number in range(100_000)}) == 100_000


def test_after_a_rotation_both_pseudonyms_are_candidates_and_new_records_carry_the_new_one() -> None:
    before, after = Pseudonyms(OLD), Pseudonyms(NEW, OLD)
    assert after.of("tracker", "7") == Pseudonyms(NEW).of("tracker", "7")
    assert after.candidates("tracker", "7") == (after.of("tracker", "7"), before.of("tracker", "7"))
    assert before.candidates("tracker", "7") == (before.of("tracker", "7"),)


def test_without_a_key_every_use_says_what_to_set() -> None:
    for use in (Pseudonyms.without_key().require_key, lambda: Pseudonyms.without_key().of("tracker", "7")):
        with pytest.raises(ConnectorConfigError, match="GOLDENTIME_PSEUDONYM_KEY_FILE"):
            use()


def test_ephemeral_keys_differ_so_that_nothing_links_two_demonstrations() -> None:
    made = [Pseudonyms.ephemeral().of("tracker", "7") for _ in range(3)]
    assert all(a != b for a, b in itertools.combinations(made, 2))


@pytest.mark.parametrize(("key", "previous"), [(b"short", None), (NEW, b"short"), (None, OLD)])
def test_a_key_that_is_too_short_or_only_previous_is_refused(key: bytes | None, previous: bytes | None) -> None:
    with pytest.raises(ConnectorConfigError, match=r"pseudonym (previous )?key"):
        Pseudonyms(key, previous)


def test_no_message_or_text_form_shows_key_or_id() -> None:
    assert "nnn" not in repr(Pseudonyms(NEW, OLD))
    with pytest.raises(ValueError, match="scheme must be kebab-case") as raised:
        Pseudonyms(NEW).of("Phone Number", "01012345678")
    assert "01012345678" not in str(raised.value)
    with pytest.raises(ValueError, match="must not be empty"):
        Pseudonyms(NEW).of("phone", "")
