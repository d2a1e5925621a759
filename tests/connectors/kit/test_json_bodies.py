import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kit.reading.json_bodies import strict_loads

TEXT = st.text(st.characters(exclude_categories=()), max_size=8)  # half characters among them
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'{"id": "a\ud800"}', {"id": "a\ufffd"}),
        (r'{"\uDFFF": ["\udc00\ud800"]}', {"\ufffd": ["\ufffd\ufffd"]}),
        (r'"\ud83d\ude00 \\ud800"', "\U0001f600 \\ud800"),
    ],
)
def test_half_a_character_is_replaced_and_whole_ones_stay(text: str, value: object) -> None:
    assert strict_loads(text) == value
    assert strict_loads(text.encode()) == value


@given(JSON)
def test_whatever_is_read_can_be_written(value: object) -> None:
    read = strict_loads(json.dumps(value))

    assert json.loads(json.dumps(read, ensure_ascii=False).encode()) == read
