"""What is published is complete, equals the classes, and only grows."""

import copy
import json
import shutil
from dataclasses import dataclass, fields, make_dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated

import pytest

import schemas.codec
import schemas.publish
import schemas.registry
from pipeline.cameras import camera_rows
from pipeline.cameras.camera_table import CameraTable
from pipeline.reading import column_layout
from pipeline.reading.columns import decode_columns
from schemas.avsc import avro_schema
from schemas.codec import decode, encode
from schemas.errors import UnknownSchemaError
from schemas.publish import breaking_changes, main
from schemas.registry import newest_schema, published_schemas
from schemas.subject_track import SubjectTrack
from schemas.tracker_fix import TrackerFix
from tests.schemas.examples import (
    ALL_SCHEMAS,
    PUBLISHED_DIR,
    RECORD_TYPES,
    example_fields,
    example_path,
    example_payload,
    example_record,
)

each_schema = pytest.mark.parametrize("published", ALL_SCHEMAS, ids=lambda p: f"{p.record}-v{p.version}")


@each_schema
def test_every_version_has_an_example_that_goes_round(published):
    record = example_record(published)
    assert type(record) is RECORD_TYPES[published.record]
    assert decode(type(record), encode(record)) == record
    if published == newest_schema(published.record):
        assert encode(record) == example_payload(published)


@each_schema
def test_an_example_names_every_field(published):
    assert set(example_fields(published)) == {field["name"] for field in published.schema["fields"]}


@each_schema
def test_an_example_is_recognisably_synthetic(published):
    assert "example" in str(example_fields(published)) or published.record == "SubjectTrack"  # which has numbers only


def test_nothing_is_in_the_folder_that_the_index_does_not_list():
    expected = {PUBLISHED_DIR / "index.json"}
    for published in ALL_SCHEMAS:
        expected |= {PUBLISHED_DIR / published.record / f"v{published.version}.avsc", example_path(published)}
    assert {path for path in PUBLISHED_DIR.rglob("*") if path.is_file()} == expected


def test_ids_are_unique_and_versions_count_from_one():
    index = json.loads((PUBLISHED_DIR / "index.json").read_text("utf-8"))["schemas"]
    assert len({entry["id"] for entry in index}) == len(index)
    for record in RECORD_TYPES:
        versions = [entry["version"] for entry in index if entry["record"] == record]
        assert versions == list(range(1, len(versions) + 1))


def test_published_schemas_equal_the_classes():
    assert main(["--check"]) == 0
    for name, record_type in RECORD_TYPES.items():
        assert newest_schema(name).schema == avro_schema(record_type)


@each_schema
def test_every_field_says_what_it_is(published):
    def check(schema):
        for field in schema["fields"]:
            assert len(field["doc"]) > len("x."), f"{schema['name']}.{field['name']}"
            assert not field["name"].endswith("_at"), "times are named *_us"
            parts = field["type"] if isinstance(field["type"], list) else [field["type"]]
            for part in (p.get("items", p) if isinstance(p, dict) else p for p in parts):
                if isinstance(part, dict) and part["type"] == "record":
                    check(part)

    check(published.schema)


FIX_SCHEMA = avro_schema(TrackerFix)
# The tests that let a record grow do so with this one.
TRACK = newest_schema("SubjectTrack")
NEXT_TRACK = Path("SubjectTrack") / f"v{TRACK.version + 1}.avsc"


def changed(change):
    schema = copy.deepcopy(FIX_SCHEMA)
    change({field["name"]: field for field in schema["fields"]}, schema["fields"])
    return schema


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda by_name, fields: fields.remove(by_name["fix_us"]), "TrackerFix.fix_us was removed"),
        (lambda by_name, _: by_name["fix_us"].update(type="double"), "TrackerFix.fix_us changed its type"),
        (lambda by_name, _: by_name["fix_us"].update(type=["null", "long"]), "TrackerFix.fix_us changed its type"),
        (lambda by_name, _: by_name["speed_mps"].update(type="double"), "TrackerFix.speed_mps changed its type"),
        (
            lambda by_name, _: by_name["speed_mps"].update(type=["null", "long"]),
            "TrackerFix.speed_mps changed its type",
        ),
        (
            lambda _, fields: fields.append({"name": "hdop", "type": "double", "doc": "x"}),
            "TrackerFix.hdop is new and has no default",
        ),
        (lambda by_name, _: by_name["location"]["type"]["fields"].pop(), "Location.quality was removed"),
        (
            lambda by_name, _: by_name["location"]["type"]["fields"].append({"name": "floor", "type": "long"}),
            "Location.floor is new and has no default",
        ),
    ],
)
def test_a_change_that_breaks_readers_is_named(change, problem):
    assert breaking_changes(FIX_SCHEMA, changed(change)) == [problem]


def test_items_of_lists_and_records_in_unions_are_looked_into():
    schema = avro_schema(RECORD_TYPES["Camera"])
    broken = copy.deepcopy(schema)
    by_name = {field["name"]: field for field in broken["fields"]}
    by_name["presets"]["type"]["items"]["fields"].pop(0)
    by_name["purposes"]["type"]["items"] = "long"
    assert breaking_changes(schema, broken) == ["Camera.purposes changed its type", "Preset.name was removed"]


def test_growth_with_a_default_and_better_words_break_nothing():
    def grow(by_name, fields):
        fields.append({"name": "hdop", "type": ["null", "double"], "doc": "x", "default": None})
        by_name["fix_us"]["doc"] = "Better words."

    assert breaking_changes(FIX_SCHEMA, changed(grow)) == []


@pytest.fixture
def published_copy(tmp_path, monkeypatch):
    """A copy of the published folder that may be written to, and forgetting caches."""
    copied = tmp_path / "published"
    shutil.copytree(PUBLISHED_DIR, copied)
    monkeypatch.setattr(schemas.publish, "PUBLISHED_DIR", copied)
    monkeypatch.setattr(schemas.publish, "ASYNCAPI_PATH", tmp_path / "asyncapi.yaml")
    monkeypatch.setattr(schemas.registry, "PUBLISHED", copied)
    caches = (
        published_schemas,
        newest_schema,
        schemas.codec._parsed,
        column_layout.leaves,
        camera_rows._schemas_by_header,
    )
    for cache in caches:
        cache.cache_clear()
    yield copied
    for cache in caches:
        cache.cache_clear()


def publish_as(monkeypatch, record_type):
    """Let this class stand in for the record of its name in the list of topics."""
    others = [record for name, record in RECORD_TYPES.items() if name != record_type.__name__]
    topics = [SimpleNamespace(record=record) for record in [*others, record_type]]
    monkeypatch.setattr(schemas.publish, "TOPICS", topics)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grown(SubjectTrack):
    floor: Annotated[int, "Storey above ground, 0 for the street."] = 0
    floor_source: Annotated[str | None, "Who says so; null if nobody."] = None


def test_an_older_writers_records_decode_with_a_newer_reader_and_the_other_way_round(published_copy, monkeypatch):
    old_record = example_record(newest_schema("SubjectTrack"))
    old_payload = encode(old_record)
    grown_type = type("SubjectTrack", (_Grown,), {"__doc__": "A grown one.", "__slots__": ()})
    publish_as(monkeypatch, grown_type)

    assert main(["--check"]) == 1
    assert not (published_copy / NEXT_TRACK).exists()
    assert main([]) == 0
    assert (published_copy / NEXT_TRACK).exists()
    published_schemas.cache_clear()
    newest_schema.cache_clear()
    assert newest_schema("SubjectTrack").version == TRACK.version + 1
    assert newest_schema("SubjectTrack").schema_id == len(ALL_SCHEMAS) + 1

    as_new = decode(grown_type, old_payload)
    assert (as_new.lat_deg, as_new.floor, as_new.floor_source) == (old_record.lat_deg, 0, None)
    new_payload = encode(grown_type(**{f.name: getattr(old_record, f.name) for f in fields(old_record)}, floor=3))
    assert new_payload[:5] != old_payload[:5]
    assert decode(grown_type, new_payload).floor == 3


def test_columns_and_the_camera_table_read_older_writers_too(published_copy, monkeypatch):
    """After an upgrade the topics still hold what older versions wrote."""
    old_track = encode(example_record(newest_schema("SubjectTrack")))
    camera = example_record(newest_schema("Camera"))
    old_camera = encode(camera)
    grown_type = type("SubjectTrack", (_Grown,), {"__doc__": "A grown one.", "__slots__": ()})
    publish_as(monkeypatch, grown_type)
    assert main([]) == 0
    index = json.loads((published_copy / "index.json").read_text("utf-8"))
    index["schemas"].append({"id": 999, "record": "Camera", "version": 2})
    (published_copy / "index.json").write_text(json.dumps(index), "utf-8")
    grown_camera = copy.deepcopy(dict(newest_schema("Camera").schema))
    grown_camera["fields"].append({"name": "lens", "type": "string", "doc": "Lens.", "default": ""})
    (published_copy / "Camera" / "v2.avsc").write_text(json.dumps(grown_camera), "utf-8")
    for cache in (published_schemas, newest_schema, schemas.codec._parsed):
        cache.cache_clear()

    new_track = encode(
        grown_type(**dict.fromkeys((f.name for f in fields(SubjectTrack)), 1), floor=3, floor_source="lift")
    )
    for times in (1, 50):  # one by one, and by layout
        columns = decode_columns(grown_type, [old_track, new_track] * times, ("fix_us", "floor", "floor_source"))
        assert columns.errors == []
        assert columns.data["floor"].tolist() == [0, 3] * times
        assert columns.data["floor_source"].tolist() == [None, b"lift"] * times

    table = CameraTable()
    assert table.apply_cameras([camera.camera_id.encode()], [old_camera], 0) == []
    assert table.owner(table.row_of(camera.camera_id)) == camera.owner


def test_a_breaking_class_is_not_published(published_copy, monkeypatch, capsys):
    kept = [(f.name, Annotated[f.type, "Still here."]) for f in fields(SubjectTrack) if f.name != "lat_deg"]
    publish_as(monkeypatch, make_dataclass("SubjectTrack", kept, frozen=True, kw_only=True))
    assert main([]) == 1
    assert "SubjectTrack.lat_deg was removed" in capsys.readouterr().err
    assert not (published_copy / NEXT_TRACK).exists()


def test_an_index_that_lists_a_missing_file_is_an_error(published_copy):
    (published_copy / "Camera" / "v1.avsc").unlink()
    with pytest.raises(UnknownSchemaError, match="which is missing"):
        published_schemas()


def test_a_record_that_was_never_published_is_an_error():
    with pytest.raises(UnknownSchemaError, match="no schema is published for record 'Sightseeing'"):
        newest_schema("Sightseeing")
