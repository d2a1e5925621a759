"""What a connector keeps over a restart: all or nothing, and told at the start where it could not be kept."""

from pathlib import Path

import pytest

from connectors.kit.errors import ConnectorConfigError
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
