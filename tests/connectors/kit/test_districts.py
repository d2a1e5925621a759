"""Names of regions in public messages, to the districts of one city."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kit.reading.districts import DistrictNames

SEOUL = DistrictNames(["종로구", "중구", "강남구"], ["서울특별시", "서울"])
RIVERTOWN = DistrictNames(["North Side", "Harbour"], ["Rivertown"], shared=["Harbour"])


def test_the_citys_districts_come_in_the_order_of_its_file() -> None:
    assert SEOUL.regions_of("서울 강남구, 서울 종로구").names == ("종로구", "강남구")


def test_all_of_the_city_is_said_in_several_ways() -> None:
    for text in ("서울특별시 전체", "서울특별시", "서울 전역", "전국", "서울 종로구, 서울특별시 전체"):
        regions = SEOUL.regions_of(text)
        assert regions.whole_city
        assert regions.names == ("종로구", "중구", "강남구")


def test_a_name_that_several_cities_have_is_told_and_not_guessed() -> None:
    regions = SEOUL.regions_of("중구, 강남구")
    assert (regions.names, regions.ambiguous) == (("강남구",), ("중구",))


def test_beside_the_citys_own_name_a_shared_name_is_the_citys_unless_another_city_is_named_too() -> None:
    assert SEOUL.regions_of("서울 종로구, 중구").names == ("종로구", "중구")
    assert SEOUL.regions_of("서울 종로구, 부산 동구, 중구").ambiguous == ("중구",)


def test_other_cities_and_nonsense_are_counted() -> None:
    regions = SEOUL.regions_of("부산광역시 중구, 경기도 수원시, 제주, 서구, 여기저기, 서울 없는구")
    assert (regions.names, regions.elsewhere, regions.unknown) == ((), 4, 2)


def test_letters_taken_apart_as_on_some_file_systems_are_the_same_name() -> None:
    assert SEOUL.regions_of(unicodedata.normalize("NFD", "서울 종로구")).names == ("종로구",)


def test_names_of_two_words_and_of_other_countries_are_read() -> None:
    assert RIVERTOWN.regions_of("Rivertown North Side").names == ("North Side",)
    assert RIVERTOWN.regions_of("north side").names == ("North Side",)
    assert RIVERTOWN.regions_of("Harbour").ambiguous == ("Harbour",)


@pytest.mark.parametrize(
    "text", ["서울특별시 종로구·중구", "서울 종로구/중구", "서울종로구, 중구", "서울 종로구ㆍ서울중구"]
)
def test_names_joined_by_dots_and_strokes_or_without_a_space_are_read(text: str) -> None:
    assert SEOUL.regions_of(text).names == ("종로구", "중구")


@given(st.text(max_size=200))
def test_whatever_is_written_only_districts_of_the_file_come_out(text: str) -> None:
    assert set(SEOUL.regions_of(text).names) <= {"종로구", "중구", "강남구"}


@pytest.mark.parametrize("text", ["", " ", ",,,", "\n"])
def test_nothing_names_nothing(text: str) -> None:
    assert SEOUL.regions_of(text).names == ()
