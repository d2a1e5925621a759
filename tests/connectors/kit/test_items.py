"""Fields of a JSON item as most feeds have them."""

from typing import Any

import pytest

from connectors.kit.reading.items import is_true


@pytest.mark.parametrize(
    ("value", "expected"), [(True, True), ("true", True), (" True ", True), (1, False), ("yes", False), (None, False)]
)
def test_a_flag_is_set_by_true_and_by_its_text_as_xml_writes_it(value: Any, expected: bool) -> None:
    assert is_true({"exercise": value}, "exercise") is expected
