import itertools
import json
from collections import Counter
from pathlib import Path

from connectors.kit.context import ConnectorContext
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.settings import ConnectorSettings
from connectors.kit.source import Accepted, Refused
from connectors.police_112.source import Config, Police112Source
from console.connector_setup import context_of
from console.demo.city import synthetic_city
from console.demo.player import Player
from console.demo.story import STORY_LENGTH_S, Story, build_story
from console.options import DEFAULT_CITIES_DIR
from schemas.clock import ScaledClock
from schemas.codec import decode, encode
from topologies.city_files import load_city

T0_US = 1_781_672_400_000_000
S = 1_000_000
CITY = synthetic_city(1)


def _story(seed: int = 1) -> Story:
    return build_story(CITY, seed, T0_US, "Asia/Seoul")


def _context(now_us: int) -> ConnectorContext:
    settings = ConnectorSettings(
        bootstrap_servers=("localhost:9092",),
        clock=ScaledClock(0, now_us, 1e-9),
        pseudonyms=Pseudonyms.ephemeral(),
    )
    return context_of(load_city(DEFAULT_CITIES_DIR, "demo"), settings)


def test_the_same_seed_gives_the_same_story() -> None:
    assert _story() == _story()


def test_another_seed_gives_other_places_and_ids() -> None:
    assert _story(1).drops != _story(2).drops


def test_all_drops_lie_within_the_story_in_order_of_time() -> None:
    times_us = [drop.at_us for drop in _story().drops]
    assert times_us == sorted(times_us)
    assert times_us[0] > T0_US
    assert times_us[-1] < _story().end_us == T0_US + STORY_LENGTH_S * S


def test_files_of_a_folder_sort_by_the_time_they_are_dropped() -> None:
    for connector in ("police_112", "fire_119"):
        names = [drop.file_name for drop in _story().drops if drop.connector == connector]
        assert names == sorted(names)
        assert len(names) == len(set(names))


def test_the_tracker_sends_a_fix_every_two_minutes() -> None:
    lines = [json.loads(drop.content) for drop in _story().drops if drop.connector == "file_replay"]
    fixes = [line["record"] for line in lines if line["topic"] == "tracker-fixes"]
    assert len(fixes) == 17
    gaps_s = [(later["fix_us"] - earlier["fix_us"]) / S for earlier, later in itertools.pairwise(fixes)]
    assert all(114 <= gap_s <= 126 for gap_s in gaps_s)
    assert all(10 <= fix["location"]["accuracy_m"] <= 60 for fix in fixes)
    assert len({fix["case_id"] for fix in fixes}) == 1


async def test_every_112_row_of_the_story_is_answered_as_it_should_be(tmp_path: Path) -> None:
    for drop in _story().drops:
        if drop.connector == "police_112":
            (tmp_path / drop.file_name).write_bytes(drop.content)
    source = Police112Source(Config.from_options({"path": str(tmp_path), "once": True}), _context(_story().end_us))
    entries = [entry async for entry in source.entries(None)]
    refused = [entry for entry in entries if isinstance(entry, Refused)]
    incidents = [entry.record for entry in entries if isinstance(entry, Accepted)]
    assert [entry.reason for entry in refused] == ["not-a-call"]
    kinds = Counter(incident.kind for incident in incidents)
    assert kinds == {"robbery": 5, "violence": 3, "noise": 1, "exercise": 1}
    assert [i.location.quality for i in incidents if i.kind == "violence"] == ["default", "address", "address"]
    assert [i.exercise for i in incidents if i.kind == "exercise"] == [True]
    # Each row changes something, so that none is taken for a repeat.
    assert len({incident.event_id for incident in incidents}) == len(incidents)
    assert all(decode(type(incident), encode(incident)) == incident for incident in incidents)


async def test_the_player_drops_whole_files_and_adds_lines(tmp_path: Path) -> None:
    paths = {"police_112": tmp_path / "112", "fire_119": tmp_path / "119", "file_replay": tmp_path / "events.jsonl"}
    paths["police_112"].mkdir()
    paths["fire_119"].mkdir()
    story, told = _story(), []
    # The story is long over by this clock, so nothing is waited for.
    clock = ScaledClock(0, story.end_us, 1.0)
    await Player(paths, clock, told.append).play(story)
    assert len(told) == len(story.drops)
    names = sorted(path.name for path in (*paths["police_112"].iterdir(), *paths["fire_119"].iterdir()))
    assert names == sorted(drop.file_name for drop in story.drops if drop.file_name)
    lines = paths["file_replay"].read_text().splitlines()
    assert [json.loads(line)["topic"] for line in lines].count("tracker-fixes") == 17


def test_an_operators_click_says_where_the_walker_was_seen_and_is_close_to_the_truth() -> None:
    story = _story()
    lines = [json.loads(drop.content) for drop in story.drops if drop.connector == "file_replay"]
    (seen,) = [line["record"] for line in lines if line["topic"] == "sightings"]
    assert (seen["case_id"], seen["result"], seen["by"]) == (story.walker.case_id, "seen", "operator")
    place = CITY.plane.spot(seen["location"]["lat_deg"], seen["location"]["lon_deg"])
    assert place.distance_m(story.walker.place((seen["seen_us"] - story.start_us) / S)) < 40


def test_every_place_that_is_reported_of_the_walker_is_kept_for_the_rule_of_thumb() -> None:
    story = _story()
    about = [drop for drop in story.drops if story.walker.case_id.encode() in drop.content]
    assert len(story.reported) == len(about) - 1  # the end of the case names a place too
    at_s = [at_s for at_s, _, _ in story.reported]
    assert at_s == sorted(at_s)


def test_two_cases_around_one_corner_want_the_same_heads() -> None:
    rows = [drop for drop in _story().drops if drop.connector == "police_112"]
    said = [drop.says for drop in rows]
    assert "112: the caller is located, near the robbery" in said
