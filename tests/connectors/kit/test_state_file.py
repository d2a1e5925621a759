"""What a connector keeps over a restart: all or nothing, and told at the start where it could not be kept."""

from pathlib import Path

import pytest

from connectors.kit.errors import ConnectorConfigError, SinkUnavailableError
from connectors.kit.state_file import StateFile


def test_what_was_saved_is_loaded_again(tmp_path: Path) -> None:
    file = StateFile(str(tmp_path / "kept.json"))
    assert file.load() == {}

    file.save({"cam-1": 7})

    assert StateFile(str(tmp_path / "kept.json")).load() == {"cam-1": 7}


def test_a_folder_that_is_not_there_is_told_before_anything_is_done(tmp_path: Path) -> None:
    with pytest.raises(ConnectorConfigError, match=r"the folder .*state is not there"):
        StateFile(str(tmp_path / "state" / "heads.json")).load()


@pytest.mark.parametrize("text", ["[]", "{", ""])
def test_a_file_that_somebody_else_wrote_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "kept.json").write_text(text)

    with pytest.raises(ConnectorConfigError, match="state_file"):
        StateFile(str(tmp_path / "kept.json")).load()


def test_changes_are_added_and_what_changed_last_stands_last(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    file = StateFile(str(path))
    file.save({"a": 1, "b": 2, "c": 3})
    first_line = path.read_bytes()

    file.change({"a": 4, "c": None}, lambda: {})

    assert path.read_bytes().startswith(first_line)
    assert list(StateFile(str(path)).load().items()) == [("b", 2), ("a", 4)]


def test_a_change_that_a_crash_cut_off_leaves_what_was_kept_before(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    file = StateFile(str(path))
    file.save({"a": 1})
    file.change({"a": 2}, lambda: {})
    with path.open("ab") as other:
        other.write(b'{"a": 3, "b"')

    again = StateFile(str(path))
    assert again.load() == {"a": 2}

    # Nothing is added to half a line.
    again.change({"b": 5}, lambda: {"a": 2, "b": 5})
    assert StateFile(str(path)).load() == {"a": 2, "b": 5}


def test_a_file_is_written_anew_before_its_changes_outgrow_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.kit.state_file.ADDED_BYTES_MIN", 100)
    path = tmp_path / "kept.json"
    file = StateFile(str(path))
    for number in range(1_000):
        file.change({"a": number}, lambda number=number: {"a": number})  # type: ignore[misc]

    assert path.stat().st_size < 250
    assert StateFile(str(path)).load() == {"a": 999}


def test_a_change_that_could_not_be_written_is_in_the_file_with_the_next(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    file = StateFile(str(path))
    file.save({"a": 1})
    path.unlink()
    path.mkdir()
    with pytest.raises(SinkUnavailableError):
        file.change({"a": 2}, lambda: {"a": 2})
    path.rmdir()

    file.change({"b": 3}, lambda: {"a": 2, "b": 3})

    assert StateFile(str(path)).load() == {"a": 2, "b": 3}


def test_a_file_that_is_too_long_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.kit.state_file.STATE_BYTES_MAX", 10)
    (tmp_path / "kept.json").write_text('{"cam-1": 7}')

    with pytest.raises(ConnectorConfigError, match="at most 10 bytes"):
        StateFile(str(tmp_path / "kept.json")).load()
