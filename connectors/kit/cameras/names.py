"""What names and addresses give away: an owner, and a test row. Pure."""

import re
from functools import lru_cache

from connectors.kit.cameras.cells import CACHED_TEXTS, tidy

NAME_CHARACTERS_MAX = 100
# A longer text than this is no address; only its beginning makes the id.
ADDRESS_CHARACTERS_MAX = 500
# Seven digits in a row, dashes aside, are a telephone number that slipped into a name.
_TELEPHONE = re.compile(r"(?:\d[-\s.]?){7}")
_TEST_WORD = re.compile(
    r"\W*(?:test|테스트|sample|샘플)\W*(?:data|데이터|용|행|입력|카메라|cctv)?[\W\d]*", re.IGNORECASE
)
_TEST_PHRASE = re.compile(r"테스트\s*(?:용|데이터|입력)")


@lru_cache(maxsize=CACHED_TEXTS)
def owner_name(text: str) -> str:
    """Return the name of a body in one line, empty where the text cannot be one."""
    name = tidy(text)
    if len(name) > NAME_CHARACTERS_MAX or _TELEPHONE.search(name) or not any(map(str.isalpha, name)):
        return ""
    return name


def is_test(text: str) -> bool:
    """Return whether an owner or address was typed in for a test: nothing but the word, or a phrase that says so."""
    return bool(_TEST_WORD.fullmatch(text) or _TEST_PHRASE.search(text))
