"""Fields of a JSON item as most feeds have them."""

from typing import Any

import pytest

from connectors.kit.reading.items import is_true, word_of


@pytest.mark.parametrize(
    ("value", "expected"), [(True, True), ("true", True), (" True ", True), (1, False), ("yes", False), (None, False)]
)
def test_a_flag_is_set_by_true_and_by_its_text_as_xml_writes_it(value: Any, expected: bool) -> None:
    assert is_true({"exercise": value}, "exercise") is expected


@pytest.mark.parametrize("word", ["new", "NEW", " New ", "Ack", "ack"])
def test_a_code_is_found_whatever_the_case_of_the_item_and_of_the_table(word: str) -> None:
    noted: list[str] = []

    meant = word_of({"status": word}, "status", {"NEW": "reported", "Ack": "updated"}, "other", noted.append)

    assert (meant, noted) == ("updated" if word.lower() == "ack" else "reported", [])


def test_a_code_that_the_table_has_not_is_other_and_noted() -> None:
    noted: list[str] = []

    assert word_of({"call_type": "??"}, "call_type", {"NEW": "reported"}, "other", noted.append) == "other"
    assert noted == ["unknown-call-type"]
