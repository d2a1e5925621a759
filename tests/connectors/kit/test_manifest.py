import shutil
from importlib import resources
from pathlib import Path

import pytest

from connectors.file_replay.sink import JsonLinesSink
from connectors.file_replay.source import FileReplaySource
from connectors.kit.errors import ConnectorConfigError
from connectors.kit.instances import ConnectorInstance, instances_of
from connectors.kit.manifest import all_manifests, build, build_sink, load_class, read_manifest
from connectors.kit.pseudonyms import Pseudonyms
from schemas.clock import SystemClock
from schemas.topics import INCIDENTS
from tests.connectors.helpers import context

GOOD = """
name = "police_200"
title = "Police 200"
kind = "incidents"
topics = ["incidents"]
guarantee = "at-least-once"
description = "Incidents of the 200."
source = "source:Police200Source"

[options.path]
type = "path"
required = true
description = "The file."
"""


def manifest(tmp_path: Path, text: str) -> Path:
    folder = tmp_path / "police_200"
    folder.mkdir()
    (folder / "manifest.toml").write_text(text, "utf-8")
    return folder


def test_a_manifest_says_what_a_connector_is(tmp_path: Path) -> None:
    found = read_manifest(manifest(tmp_path, GOOD))
    assert (found.topics, found.source) == ((INCIDENTS,), "connectors.police_200.source:Police200Source")
    assert found.options["path"].required
    assert all_manifests(tmp_path) == {"police_200": found}


def test_a_class_need_not_be_named_where_it_has_its_usual_name(tmp_path: Path) -> None:
    folder = manifest(tmp_path, GOOD.replace('source = "source:Police200Source"', ""))
    (folder / "source.py").touch()
    assert read_manifest(folder).source == "connectors.police_200.source:Police200Source"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "police_200"', 'name = "police_201"', "name must be that of its folder, police_200, got 'police_201'"),
        ('title = "Police 200"', "", "title must be text, got nothing"),
        ('title = "Police 200"', "title = 7", "title must be text, got int"),
        ('kind = "incidents"', 'kind = "alarms"', "kind must be one of incidents, alerts"),
        ('["incidents"]', '["accidents"]', "topics names 'accidents', which is not in the list of topics"),
        ('["incidents"]', '"incidents"', "topics must be a list"),
        ('"at-least-once"', '"mostly"', "guarantee must be one of"),
        ('source = "source:Police200Source"', "", "source or sink must be given"),
        ('"source:Police200Source"', '"Police200Source"', "source must be '<module>:<Class>'"),
        ('source = "', 'sauce = "', "sauce is not known"),
        ('type = "path"', 'type = "blob"', "options.path: type must be one of text"),
        ("required = true", 'required = true\ndefault = "x"', "default is of no use"),
        ("required = true", 'required = "yes"', "options.path: required must be true or false, got str"),
        ('description = "The file."', "", "options.path: description must be text, got nothing"),
        ("[options.path]", "[options.path", "police_200/manifest.toml: "),
    ],
)
def test_a_wrong_field_is_named_with_file_and_rule(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(ConnectorConfigError) as raised:
        read_manifest(manifest(tmp_path, GOOD.replace(old, new, 1)))
    assert str(raised.value).startswith("police_200/manifest.toml: ")
    assert message in str(raised.value)


def test_a_folder_without_manifest_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConnectorConfigError, match=r"/manifest\.toml is missing"):
        read_manifest(tmp_path)


def test_source_and_sink_are_built_from_options() -> None:
    assert isinstance(build("file_replay", {"path": "a.jsonl"}, context()), FileReplaySource)
    assert isinstance(build_sink("file_replay", {"path": "a.jsonl", "topics": "incidents"}, context()), JsonLinesSink)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("police_911", {}, "there is no connector 'police_911'; there are "),
        ("file_replay", {}, "file_replay: option path is required: The file"),
        ("file_replay", {"path": "a", "spede": 1}, "file_replay: option 'spede' is not known; known are path, speed"),
        ("file_replay", {"spede": 1}, r"declared under \[options\.spede\] in connectors/file_replay/manifest\.toml"),
        ("file_replay", {"path": "a", "speed": -1}, "file_replay: option speed must be a number"),
    ],
)
def test_what_cannot_be_built_says_why(kind: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(ConnectorConfigError, match=message):
        build(kind, options, context())


def test_a_broken_manifest_stops_no_other_connector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest(tmp_path, "no TOML")
    shutil.copytree(resources.files("connectors") / "file_replay", tmp_path / "file_replay")  # type: ignore[arg-type]
    monkeypatch.setattr("connectors.kit.manifest.resources.files", lambda package: tmp_path)
    assert isinstance(build("file_replay", {"path": "a.jsonl"}, context()), FileReplaySource)
    with pytest.raises(ConnectorConfigError, match=r"police_200/manifest\.toml"):
        build("police_200", {}, context())


def test_no_folder_outside_the_connectors_is_one() -> None:
    with pytest.raises(ConnectorConfigError, match=r"there is no connector 'kit/\.\./police_112'; there are "):
        build("kit/../police_112", {"path": "a"}, context())


def test_a_source_has_no_sink_unless_it_says_so() -> None:
    with pytest.raises(ConnectorConfigError, match="police_112 has no sink; it is a source: leave role"):
        build_sink("police_112", {"path": "a"}, context())


def test_a_connector_that_sees_person_ids_is_not_built_without_a_key() -> None:
    without_key = type(context())(clock=SystemClock(), pseudonyms=Pseudonyms.without_key())
    with pytest.raises(ConnectorConfigError, match="GOLDENTIME_PSEUDONYM_KEY_FILE"):
        build("owntracks", {"host": "localhost"}, without_key)


def test_a_class_that_is_not_there_is_named() -> None:
    with pytest.raises(ConnectorConfigError, match=r"module connectors\.nowhere is not there"):
        load_class("connectors.nowhere:Source")
    with pytest.raises(ConnectorConfigError, match=r"running\.pacing has no class Nothing"):
        load_class("connectors.kit.running.pacing:Nothing")
    with pytest.raises(ConnectorConfigError, match=r"running\.pacing must have a class Config"):
        load_class("connectors.kit.running.pacing:Backoff")


def city(tmp_path: Path, text: str) -> tuple[ConnectorInstance, ...]:
    (tmp_path / "seoul").mkdir()
    (tmp_path / "seoul" / "connectors.toml").write_text(text, "utf-8")
    return instances_of(tmp_path, "seoul")


def test_the_connectors_of_a_city_are_read_in_their_order(tmp_path: Path) -> None:
    text = """
    [[connector]]
    name = "112-seoul"
    kind = "file_replay"
    options = { path = "a.jsonl" }

    [[connector]]
    name = "recorder"
    kind = "file_replay"
    role = "sink"
    enabled = false
    options = { path = "b.jsonl", topics = ["incidents"] }
    """
    first, second = city(tmp_path, text)
    assert first == ConnectorInstance(name="112-seoul", kind="file_replay", options={"path": "a.jsonl"})
    assert (second.is_sink, second.enabled) == (True, False)
    assert isinstance(first.build_source(context()), FileReplaySource)
    assert isinstance(second.build_sink(context()), JsonLinesSink)


def test_a_city_without_the_file_has_no_connectors(tmp_path: Path) -> None:
    assert instances_of(tmp_path, "seoul") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[conector]]", "seoul/connectors.toml: conector is not known"),
        ("connector = 7", r"write at most 200 \[\[connector\]\] tables"),
        ('[[connector]]\nname = "A B"\nkind = "x"', "connector 1: name must be lower-case"),
        ('[[connector]]\nname = "a"', "connector 1: kind must name a connector"),
        ('[[connector]]\nname = "a"\nkind = "x"\nopts = 1', "connector 1: opts is not known"),
        ('[[connector]]\nname = "a"\nkind = "x"\noptions = 1', "connector 1: options must be a table"),
        ('[[connector]]\nname = "a"\nkind = "x"\nenabled = 1', "connector 1: enabled must be true or false"),
        ('[[connector]]\nname = "a"\nkind = "x"\nrole = "y"', "connector 1: role must be source or sink"),
        ('[[connector]]\nname = "a"\nkind = "x"\n' * 2, "two connectors are named a; their cursors would mix"),
        ("[[connector]", "seoul/connectors.toml: "),
    ],
)
def test_a_wrong_line_is_named_with_file_and_rule(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConnectorConfigError, match=message):
        city(tmp_path, text)


def test_an_instance_that_cannot_be_built_is_named() -> None:
    with pytest.raises(ConnectorConfigError, match="connector 112-seoul: file_replay: option path is required"):
        ConnectorInstance(name="112-seoul", kind="file_replay").build_source(context())
