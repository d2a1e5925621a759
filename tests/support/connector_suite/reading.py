"""The tests of a source that need no transport: bytes in, entries out."""

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from connectors.kit.examples import EXAMPLE_NOW_US
from connectors.kit.ladder.checking import check_connector, folder_of
from connectors.kit.ladder.remarks import Surroundings
from connectors.kit.ladder.validating import Sample, validate
from connectors.kit.ladder.vocabulary import vocabulary_of
from connectors.kit.source import Accepted, Refused
from tests.connectors.local_context import a_context
from tests.support.connector_suite.card import proves
from tests.support.connector_suite.happenings import (
    MINUTE_US,
    PERSON_ID,
    PERSON_NAME,
    PERSON_PHONE,
    PERSON_TEXT,
    Happening,
)
from tests.support.connector_suite.placing import PlaceTests

HOUR_US = 60 * MINUTE_US
YEAR_2000_US = 946_684_800_000_000
TIMES = ("observed_us", "ingested_us", "occurred_us", "reported_us", "fix_us", "last_seen_us")
OVER = ("closed", "cancelled", "merged", "found")
PERSON_WORDS = (PERSON_NAME, PERSON_PHONE, PERSON_PHONE.replace("-", ""), PERSON_TEXT)


class ReadingTests(PlaceTests):
    """What must hold of any source."""

    def test_its_folder_passes_the_check(self) -> None:
        assert check_connector(folder_of(self.name)) == []

    @proves("bad-rows-are-answered")
    def test_a_usual_word_becomes_records_of_its_topics(self) -> None:
        entries = self.answer(self.samples.write(Happening()))
        topics = {topic.name for topic in self.manifest.topics}
        assert entries
        assert all(isinstance(entry, Accepted) for entry in entries), entries
        assert {entry.topic.name for entry in entries} <= topics or not topics

    @proves("parsing-is-pure")
    def test_the_same_bytes_give_the_same_entries(self) -> None:
        payload = self.samples.write(Happening())
        assert self.answer(payload) == self.answer(payload)

    @proves("stable-ids")
    def test_read_an_hour_later_the_ids_are_the_same(self) -> None:
        now, later = self.records(Happening()), self.records(Happening(), now_us=EXAMPLE_NOW_US + HOUR_US)
        assert [record.event_id for record in now] == [record.event_id for record in later]
        assert all(record.event_id for record in now)

    @proves("stable-ids")
    def test_every_record_has_a_key_and_every_key_its_own_happening(self) -> None:
        other = Happening(number="18", person_id="person-7732-kim", time_us=Happening().time_us + MINUTE_US)
        entries = self.answer(self.samples.write(Happening())) + self.answer(self.samples.write(other))
        accepted = [entry for entry in entries if isinstance(entry, Accepted)]
        assert all(entry.key or entry.topic.key_of(entry.record) for entry in accepted)
        assert len({_id(entry) for entry in accepted}) == len(accepted)

    @proves("updates")
    def test_a_newer_word_of_the_same_number_keeps_its_key_and_has_an_id_of_its_own(self) -> None:
        newer = self.record(self.changed(revision=2, time_us=Happening().time_us + MINUTE_US))
        first = self.record(Happening())
        assert _key(newer) == _key(first)
        assert newer.event_id != first.event_id

    @proves("late-updates")
    def test_a_late_word_after_the_close_is_still_told_apart_by_its_time(self) -> None:
        closed = self.record(self.changed(closed=True, time_us=Happening().time_us + 5 * MINUTE_US))
        state = getattr(closed, "status", getattr(closed, "kind", None))
        late = self.record(replace(Happening(), revision=2, time_us=Happening().time_us + MINUTE_US))
        assert state in OVER, f"closed becomes {state}"
        assert _key(late) == _key(closed)
        assert getattr(late, "status", getattr(late, "kind", None)) not in OVER
        assert late.observed_us <= closed.observed_us

    @proves("clock-skew-handled")
    def test_a_time_in_the_future_does_not_hold_anything_back(self) -> None:
        for record in self.records(self.changed(time_us=EXAMPLE_NOW_US + 24 * HOUR_US)):
            assert record.observed_us <= EXAMPLE_NOW_US + HOUR_US

    @proves("clock-skew-handled")
    def test_a_clock_that_was_never_set_makes_no_time_before_2000(self) -> None:
        for record in self.records(self.changed(time_us=0)) + self.records(Happening()):
            times = {name: getattr(record, name, None) for name in TIMES}
            assert all(time_us is None or time_us >= YEAR_2000_US for time_us in times.values()), times

    @proves("unknown-codes")
    @pytest.mark.parametrize("code", ["ZZ-999", "", "999", "한글"])
    def test_an_unknown_code_is_answered_and_never_taken_for_the_usual_one(self, code: str) -> None:
        usual = self.record(Happening())
        entries = self.answer(self.samples.write(self.changed(code=code)))
        kinds = [getattr(entry.record, "kind", "") for entry in entries if isinstance(entry, Accepted)]
        assert entries
        assert getattr(usual, "kind", "no kind") not in kinds

    @proves("encodings")
    def test_cp949_gives_the_same_records_or_an_answer(self) -> None:
        payload = self.samples.write(Happening()).decode(self.samples.codec).encode("cp949")
        entries = self.answer(payload)
        assert entries
        assert "\ufffd" not in repr([entry.record for entry in entries if isinstance(entry, Accepted)])

    @proves("encodings")
    def test_broken_bytes_are_answered(self) -> None:
        payload = self.samples.write(Happening())
        half = len(payload) // 2
        assert self.answer(payload[:half] + b"\xff\xfe\x81" + payload[half:])

    @proves("nulls")
    def test_nulls_everywhere_are_answered(self) -> None:
        assert self.answer(self.samples.write(self.changed(nulls=True)))

    @proves("schema-changes")
    def test_fields_of_a_newer_format_change_nothing_and_its_absence_neither(self) -> None:
        newer = self.changed(extra={"new_field": 1, "newer": "x"})
        assert self.records(Happening()) == self.records(newer) == self.records(Happening())

    @proves("everything-has-a-limit")
    @pytest.mark.parametrize(
        "payload", [b"", b" \n", b"[" * 100_000, b"9" * 70_000, b"\x00" * 1_000, b"{}", b"[]", b"null"]
    )
    def test_what_is_no_word_at_all_makes_no_record(self, payload: bytes) -> None:
        assert not [entry for entry in self.answer(payload) if isinstance(entry, Accepted)]

    @proves("everything-has-a-limit")
    def test_a_number_of_a_hundred_thousand_characters_does_not_come_out_whole(self) -> None:
        for entry in self.answer(self.samples.write(replace(Happening(), number="7" * 100_000))):
            assert "7" * 10_000 not in repr(entry)

    @proves("bad-rows-are-answered")
    def test_a_word_cut_off_anywhere_harms_nothing(self) -> None:
        payload = self.samples.write(Happening())
        for length in range(0, len(payload), max(1, len(payload) // 16)):
            self.answer(payload[:length])

    @proves("bad-rows-are-answered")
    def test_sixty_words_with_broken_characters_harm_nothing(self) -> None:
        payload, chance = self.samples.write(Happening()), random.Random(7)
        for _ in range(60):
            broken = bytearray(payload)
            for _ in range(chance.randint(1, 4)):
                broken[chance.randrange(len(broken))] = chance.randrange(256)
            self.answer(bytes(broken))

    @proves("bad-rows-are-answered")
    def test_recorded_ugly_words_are_answered(self) -> None:
        if not self.samples.hostile:
            pytest.skip("no hostile samples are given")
        for payload in self.samples.hostile:
            assert self.answer(payload), payload[:80]

    @proves("neighbours-pass")
    def test_a_bad_one_between_two_good_ones_harms_neither(self) -> None:
        bad = replace(Happening(), number="", person_id="", lat="x", lon="y", time_us=0, nulls=True)
        ids = [self.record(replace(Happening(), number=number)).event_id for number in ("1", "2")]
        words = [replace(Happening(), number="1"), bad, replace(Happening(), number="2")]
        entries = self.answer(self.samples.together(words))
        good_alone = self.answer(self.samples.together([words[0], words[2]]))
        if self.samples.write_many is None and not any(isinstance(entry, Accepted) for entry in good_alone):
            # A system that sends one word at a time: neighbours are the payloads before and after.
            entries = [entry for word in words for entry in self.answer(self.samples.write(word))]
        given = [_id(entry) for entry in entries if isinstance(entry, Accepted)]
        assert [event_id for event_id in given if event_id in ids] == ids

    def bad_words(self) -> list[bytes]:
        """Return payloads with a person's data that are wrong in several ways."""
        payload = self.samples.write(Happening())
        return [
            self.samples.write(replace(Happening(), nulls=True, lat="x", lon="y", time_us=0)),
            self.samples.write(replace(Happening(), number="", code="ZZ", lat=PERSON_NAME, lon=PERSON_PHONE)),
            payload[:-2],
            payload + payload,
            payload.replace(b",", b",,"),
        ]

    @proves("person-data-dropped")
    def test_no_person_comes_out_with_a_record(self, caplog: pytest.LogCaptureFixture) -> None:
        shown = repr(self.answer(self.samples.write(Happening()))) + caplog.text
        assert not [word for word in PERSON_WORDS if word in shown]

    @proves("person-data-dropped")
    def test_no_person_comes_out_with_a_refusal(self, caplog: pytest.LogCaptureFixture) -> None:
        bad = self.bad_words()
        entries = [entry for word in bad for entry in self.answer(word)]
        shown = repr(entries) + caplog.text + str([_text(e.payload) for e in entries if isinstance(e, Refused)])
        assert not [word for word in PERSON_WORDS if word in shown]

    @proves("person-data-dropped")
    def test_no_person_is_in_what_validate_says(self) -> None:
        context = replace(a_context(), is_trial=True)
        around = Surroundings(vocabulary=vocabulary_of(self.manifest), now_us=EXAMPLE_NOW_US, city_box=context.city_box)
        words = [*self.bad_words(), self.samples.write(Happening(code="ZZ-999")), *self.samples.hostile]
        said = [repr(validate([Sample(word, self.answer(word))], around)) for word in words]
        assert not [word for word in (*PERSON_WORDS, PERSON_ID) if word in " ".join(said)]

    @proves("pseudonyms")
    def test_an_id_of_a_person_comes_out_as_a_pseudonym_of_its_own_only(self) -> None:
        origin = self.samples.origin
        other = replace(Happening(), person_id="person-7732-kim")
        if self.samples.write(other) == self.samples.write(Happening()) and PERSON_ID not in origin:
            pytest.skip("the format has no place for person_id")
        assert PERSON_ID not in repr(self.answer(self.samples.write(Happening())))
        if self.samples.write(other) != self.samples.write(Happening()):
            assert _refs(self.record(other)) != _refs(self.record(Happening()))

    @proves("exercises-are-marked")
    def test_a_drill_is_marked_as_one(self) -> None:
        assert all(record.exercise for record in self.records(self.changed(exercise=True)))
        assert not self.record(Happening()).exercise


def _id(entry: Accepted) -> Any:
    return getattr(entry.record, "event_id", None)


def _key(record: Any) -> Any:
    return next(getattr(record, name) for name in ("camera_id", "case_id", "condition_id") if hasattr(record, name))


def _refs(record: Any) -> Any:
    return getattr(record, "subject_ref", None) or getattr(record, "case_id", None)


def _text(payload: bytes) -> str:
    text = payload.decode("utf-8", "replace")
    try:
        return text + json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return text
