"""What the documents promise is tried: the consumer's example runs, commands and links exist."""

import ast
import asyncio
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner

from connectors.kit.examples import examples_of
from connectors.kit.instances import ConnectorInstance, instances_of
from connectors.kit.manifest import all_manifests
from console.commands import goldentime
from schemas.codec import encode
from tests.support.records import an_incident
from tests.topologies.running import running_worker, write
from topologies.city_engine import CityEngine
from topologies.city_files import load_city
from topologies.settings import Settings
from topologies.topics import ensure_topics

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")]


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


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
def test_every_toml_block_is_what_the_project_reads(path: Path, tmp_path: Path) -> None:
    for block in blocks(path, "toml"):
        fields = tomllib.loads(block)
        if "connector" in fields:
            (tmp_path / "city").mkdir(exist_ok=True)
            (tmp_path / "city" / "connectors.toml").write_text(block, "utf-8")
            _options_are_known(instances_of(tmp_path, "city"))
        if "examples" in fields:
            assert examples_of(path.name, tmp_path, fields["examples"])


def _options_are_known(instances: Iterable[ConnectorInstance]) -> None:
    manifests = all_manifests()
    for instance in instances:
        assert instance.kind in manifests, f"there is no connector {instance.kind}"
        manifest = manifests[instance.kind]
        assert set(instance.options) <= set(manifest.options), instance.name
        required = {option.name for option in manifest.options.values() if option.required}
        assert required <= set(instance.options), instance.name


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_every_yaml_block_can_be_read(path: Path) -> None:
    for block in blocks(path, "yaml") + blocks(path, "yml"):
        yaml = pytest.importorskip("yaml", reason="no YAML reader is installed")
        assert list(yaml.safe_load_all(block))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_every_shell_block_is_one_that_a_shell_can_read(path: Path) -> None:
    for block in blocks(path, "bash") + blocks(path, "sh"):
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
