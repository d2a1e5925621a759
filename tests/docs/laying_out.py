"""Lays out what a page needs: its files, its connectors with their secrets, its samples, and what the outside holds."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from connectors.kit.manifest import Manifest, all_manifests
from tests.docs.pages import SHELLS, Block, blocks_of
from tests.docs.sending import drop_file, publish_message, samples, transport_of
from tests.docs.surroundings import SECRET, Surroundings

SECRET_FILE = re.compile(r'^\w+_file = "(.+)"$', re.MULTILINE)


class Layout:
    """What a page needs in the folder of its reader.

    Args:
        page: the document.
        around: where it is followed.

    Attributes:
        blocks: its blocks.
        city: the city that its commands name, else Seoul, which is the default.
        manifests: the connectors there are.
    """

    def __init__(self, page: Path, around: Surroundings) -> None:
        self.page = page
        self.around = around
        self.blocks = blocks_of(page)
        self.manifests = all_manifests()
        shells = " ".join(command for block in self.shells() for command in block.commands())
        named = re.search(r"--city (\w+)", shells)
        self.city = named[1] if named else "seoul"

    def shells(self) -> list[Block]:
        """Return the shell blocks that are run."""
        return [block for block in self.blocks if block.language in SHELLS and not block.not_run]

    @property
    def city_folder(self) -> Path:
        """Return the folder of the page's city."""
        return self.around.folder / "cities" / self.city

    def read_first(self) -> None:
        """Save the files of the page and lay out what its connectors need."""
        for block in self.blocks:
            if block.file:
                path = self.around.folder / self.around.here(block.file)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(self.around.here(block.text), "utf-8")
                for where in SECRET_FILE.findall(block.text):
                    self.around.secret(where)
        if self.city_folder.is_dir():
            for block in self.blocks:
                self.write_instances(block)

    def lay_out_files(self, command: str) -> None:
        """Make the sample files that a command names and nobody has made."""
        kind = re.search(r"connect (?:validate |(?:dry-run|run) --kind )(\w+)", command)
        if "--live" in command or (kind is None and "cameras load" not in command):
            return
        manifest = all_manifests(self.around.folder / "connectors")[kind[1] if kind else "cctv_registry"]
        for name in re.findall(r"(?:--file |-o path=|cameras load )(\S+)", command):
            path = self.around.folder / name
            if not path.exists() and "{" not in name:
                path.write_bytes(self._sample(manifest, path.suffix))

    def _sample(self, manifest: Manifest, suffix: str) -> bytes:
        if manifest.name == "file_replay":
            return (self.around.folder / "cities/harborview/example/cameras.jsonl").read_bytes()
        first = {".json": b"{[", ".jsonl": b"{", ".xml": b"<"}.get(suffix)
        for transport in ("file", *manifest.transports):
            for example in samples(manifest, transport, {}):
                head = example.payload.lstrip()[:1]
                if (head in first) if first else (head not in b"{[<"):
                    return example.payload
        raise AssertionError(f"there is no {suffix} sample for {manifest.name}")

    def write_instances(self, block: Block) -> None:
        """Put the instances of a block into the city's file, with their secrets and tables where they look for them."""
        new = {table["name"]: table for table in block.instances()}
        if not new:
            return
        path = self.city_folder / "connectors.toml"
        there = tomllib.loads(path.read_text("utf-8")).get("connector", []) if path.exists() else []
        tables = {table["name"]: table for table in there} | new
        for table in new.values():
            table["options"] = self.around.options_here(table.get("options", {}))
            for name, value in table["options"].items():
                option = self.manifests[table["kind"]].options[name]
                if option.type == "secret-file":
                    self.around.secret(value)
                elif name.endswith("_env"):
                    self.around.environment.setdefault(value, SECRET)
            manifest = self.manifests[table["kind"]]
            if transport_of(manifest, table["options"]) == "http-push":
                table["options"].setdefault("listen", f"127.0.0.1:{self.around.push_port}")
        path.write_text("\n".join(map(_toml, tables.values())), "utf-8")

    def instance(self, name: str) -> dict[str, Any]:
        """Return the table of an instance of the city."""
        tables = tomllib.loads((self.city_folder / "connectors.toml").read_text("utf-8"))["connector"]
        return next(table for table in tables if table["name"] == name)

    def named(self, command: str) -> list[str]:
        """Return the connectors of a ``connect run`` that must take something."""
        if "--kind" in command:
            return []
        words = command.split("connect run", 1)[1].split()
        names = [word for number, word in enumerate(words) if word[0] != "-" and words[number - 1] != "--status"]
        on_page = [table["name"] for block in self.blocks for table in block.instances()]
        tables = tomllib.loads((self.city_folder / "connectors.toml").read_text("utf-8"))["connector"]
        enabled = [table["name"] for table in tables if table.get("enabled", True)]
        return names or [name for name in enabled if name in on_page] or enabled

    def bodies(self, manifest: Manifest, options: dict[str, Any]) -> list[bytes]:
        """Return what is pushed to a connector: what the page shows, else the manifest's examples."""
        own = [payload for block in self.blocks for payload in block.payloads()]
        return own or [example.payload for example in samples(manifest, "http-push", options)]

    def _polled(self, manifest: Manifest, options: dict[str, Any]) -> bytes:
        """Return what the outside answers: what the page shows, unless that is what senders push."""
        shown = [payload for block in self.blocks for payload in block.payloads()]
        fitting = [e.payload for e in samples(manifest, "http-poll", options) if e.payload.lstrip()[:1] in b"{[<"]
        pushes = "/in/" in self.page.read_text("utf-8")
        return (fitting or shown)[0] if pushes else (shown or fitting)[0]

    def get_ready(self, manifest: Manifest, options: dict[str, Any]) -> str:
        """Let the outside hold ready what a connector comes for; return how it hears of the world."""
        transport = transport_of(manifest, options)
        if transport == "http-poll":
            self.around.called.body = self._polled(manifest, options)
        elif transport == "mqtt":
            publish_message(self.around, manifest, options)
        elif transport == "file" and manifest.name == "file_replay":
            path = self.around.folder / options["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._sample(manifest, ".jsonl"))
        elif transport == "file" and "path" in options:
            drop_file(self.around, manifest, options, self.city_folder)
        return transport


def _toml(table: dict[str, Any]) -> str:
    """Return a ``[[connector]]`` table as TOML; its values are texts, numbers, flags and lists of them."""
    options = ", ".join(f"{name} = {_value(value)}" for name, value in table.get("options", {}).items())
    rest = [f"{name} = {_value(value)}" for name, value in table.items() if name != "options"]
    return "\n".join(["[[connector]]", *rest, f"options = {{ {options} }}", ""])


def _value(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
