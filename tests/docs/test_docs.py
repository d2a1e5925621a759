"""What the documents promise is tried: the consumer's example runs, commands and links exist."""

import ast
import asyncio
import json
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from connectors.kit.examples import examples_of
from connectors.kit.instances import instances_of
from connectors.kit.ladder.sampling import example_context
from console.commands import goldentime
from schemas.codec import encode
from tests.docs.laying_out import Layout
from tests.docs.pages import CITY_PAGES, CONNECTOR_PAGES, DOCUMENTS, ROOT, SHELLS, blocks, blocks_of
from tests.docs.surroundings import FOLDERS, Outside, Surroundings
from tests.support.records import an_incident
from tests.topologies.running import running_worker, write
from topologies.city_engine import CityEngine
from topologies.city_files import load_city
from topologies.settings import Settings
from topologies.topics import ensure_topics

# Blocks that no test can run as they stand; each says on its page why, and mostly which test runs what is in it.
NOT_RUN_MAX = 6


def commands(text: str) -> list[list[str]]:
    """Return the words of each ``goldentime`` call in a shell block, without comments and settings before it."""
    found = []
    for line in text.splitlines():
        match = re.search(r"(?:^|\s|/)goldentime\s+(.*?)(?:\s+#.*)?$", line)
        if match:
            found.append(match.group(1).split("|")[0].split())
    return found


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_every_link_to_a_file_leads_somewhere(path: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", path.read_text("utf-8"))

    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_every_command_shown_is_one_that_exists(path: Path) -> None:
    for words in [words for block in blocks(path, "bash") for words in commands(block)]:
        asked = _with_help(words)
        result = CliRunner().invoke(goldentime, asked)
        assert result.exit_code == 0, f"goldentime {' '.join(words)}: {result.output}"
        options = [word for word in words if word.startswith("-")]
        assert all(option in result.output + _help([]) for option in options), words


def _with_help(words: list[str]) -> list[str]:
    """Return the subcommand's words with ``--help`` in place of its options and arguments."""
    names, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word in ("--broker", "--city", "--cities-dir"):
            skip = True
        elif not word.startswith("-") and len(names) < 2 and _help([*names, word]) is not None:
            names.append(word)
        else:
            break
    return [*names, "--help"]


def _help(names: list[str]) -> str:
    result = CliRunner().invoke(goldentime, [*names, "--help"])
    return result.output if result.exit_code == 0 else None  # type: ignore[return-value]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_every_json_block_is_json(path: Path) -> None:
    for block in blocks(path, "json"):
        json.loads(block)
    for block in blocks(path, "jsonl"):
        assert [json.loads(line) for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_every_toml_block_can_be_read(path: Path, tmp_path: Path) -> None:
    for block in blocks(path, "toml"):
        fields = tomllib.loads(block)
        if "examples" in fields:
            assert examples_of(path.name, tmp_path, fields["examples"])


WITH_CONNECTORS = [path for path in DOCUMENTS if any(block.instances() for block in blocks_of(path))]


@pytest.mark.parametrize("path", WITH_CONNECTORS, ids=lambda p: p.name)
def test_every_connector_shown_can_be_built(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in FOLDERS:
        (tmp_path / folder).mkdir(parents=True)
    shutil.copytree(ROOT / "cities", tmp_path / "cities")
    layout = Layout(path, Surroundings(tmp_path, "127.0.0.1:1", None, "http://127.0.0.1:1", Outside()))
    layout.city_folder.mkdir(exist_ok=True)
    layout.read_first()
    for source, target in re.findall(r"^cp (\S+) (\S+)$", path.read_text("utf-8"), re.MULTILINE):
        shutil.copy(ROOT / source, target)
    context = replace(example_context(), city_folder=layout.city_folder, is_trial=True)
    for block in layout.blocks:
        layout.write_instances(block)
        names = {table["name"] for table in block.instances()}
        for instance in instances_of(tmp_path / "cities", layout.city):
            if instance.name in names:
                assert instance.build_sink(context) if instance.is_sink else instance.build_source(context)


def test_every_block_for_a_shell_is_run_or_says_why_not() -> None:
    followed = {*CONNECTOR_PAGES, *(ROOT / page for page in CITY_PAGES)}
    typed = {path for path in DOCUMENTS for block in blocks_of(path) if block.language in SHELLS and not block.not_run}
    tests = (ROOT / "tests" / "docs" / "test_city_pages.py").read_text("utf-8")

    assert typed | set(WITH_CONNECTORS) <= followed
    assert [page for page in CITY_PAGES if Path(page).name not in tests] == []


def test_few_blocks_are_not_run_and_each_gives_its_reason() -> None:
    reasons = [block.not_run for path in DOCUMENTS for block in blocks_of(path) if block.not_run]

    assert len(reasons) <= NOT_RUN_MAX
    assert all(len(reason) > 20 for reason in reasons)
    marks = sum(len(re.findall(r"^<!-- not run: ", path.read_text("utf-8"), re.MULTILINE)) for path in DOCUMENTS)
    assert marks == len(reasons)  # each stands directly before its block


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_commands_are_shown_as_such_and_not_as_text(path: Path) -> None:
    for text in (*blocks(path, "text"), *blocks(path, "")):
        assert re.findall(r"^(?:\$ |goldentime |make |mvn |pip |python3? |curl |psql )", text, re.MULTILINE) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_every_yaml_block_can_be_read(path: Path) -> None:
    for block in blocks(path, "yaml") + blocks(path, "yml"):
        yaml = pytest.importorskip("yaml", reason="no YAML reader is installed")
        assert list(yaml.safe_load_all(block))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_every_shell_block_is_one_that_a_shell_can_read(path: Path) -> None:
    for block in [text for shell in sorted(SHELLS) for text in blocks(path, shell)]:
        read = subprocess.run(["bash", "-n"], input=block, text=True, capture_output=True, check=False)
        assert read.returncode == 0, read.stderr


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_every_python_block_is_python(path: Path) -> None:
    for block in blocks(path, "python"):
        ast.parse(block)


def test_make_targets_named_in_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE))
    texts = [path.read_text("utf-8") for path in DOCUMENTS]
    named = {name for text in texts for name in re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)}

    assert named - targets == set()


@pytest.mark.slow
async def test_the_consumers_example_prints_an_assignment(embedded_broker: str, prefix: str, tmp_path: Path) -> None:
    (example,) = blocks(ROOT / "docs" / "consumers.md", "python")
    settings = Settings(
        bootstrap_servers=(embedded_broker,), city="demo", data_dir=tmp_path, case_partitions=1, session_timeout_s=2
    )
    await asyncio.to_thread(ensure_topics, settings, prefix)
    async with running_worker(settings, prefix, CityEngine(load_city(ROOT / "cities", "demo").policy)) as worker:
        assert worker.web is not None
        await write(embedded_broker, f"{prefix}.incidents", [(b"inc-1", encode(an_incident("inc-1")))])
        program = (
            example.replace("http://127.0.0.1:8080", worker.web.url)
            .replace("127.0.0.1:9092", embedded_broker)
            .replace("seoul.", f"{prefix}.")
            # The embedded broker lets a group's first member wait for half of this.
            .replace('"group.id"', '"session.timeout.ms": 6000, "group.id"')
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-u", "-c", program, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        try:
            assert process.stdout is not None
            line = await asyncio.wait_for(process.stdout.readline(), 60)
        finally:
            process.kill()
            await process.wait()

    assert line.decode().split(maxsplit=2)[:2] == ["inc-1", "waiting"]
