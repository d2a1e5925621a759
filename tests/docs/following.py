"""Follows a page from its first line: types what it shows, sends what it says, and ends what goes on for ever.

A command that goes on for ever (``connect run``, ``worker``) is left running while the rest of the block is typed. Each
of its connectors must then take what the outside sends before SIGTERM ends it, with exit code 0.
"""

import json
import re
import shlex
import signal
import subprocess
import threading
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.kit.manifest import Manifest
from tests.docs.laying_out import Layout
from tests.docs.pages import SHELLS, Block
from tests.docs.running import Running, await_, terminal
from tests.docs.sending import push, records_for, show_case, transport_of, write_record
from tests.docs.surroundings import Surroundings

SERVED_WITHIN_S = 30.0
COMMAND_LIMIT_S = 120.0
ENDS_WITHIN_S = 15.0
STARTS_WITHIN_S = 60.0
# What a command says when it is up.
SAYS = {"connect run": "running ", " worker": "ready", " watch": " cases at "}
# What a command that only shows ends with at Ctrl-C.
INTERRUPTED = 128 + signal.SIGINT
# curl waits for a connector that has just been started, fails where it is refused, and says the status.
CURL = "curl --silent --show-error --fail-with-body --retry-connrefused --retry 20 --retry-delay 1 -w ' %{http_code}' "
FOR_EVER = re.compile(r"\bgoldentime\b.*\b(connect run|worker|watch(?!.*--once))\b")


Words = Mapping[str, "str | Callable[[Reader], str]"]


@dataclass
class Followed:
    """What became of a page.

    Attributes:
        ran: commands that were run.
        answers: what they printed, by command.
        served: names of connectors that took what was sent.
    """

    ran: list[str] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    served: list[str] = field(default_factory=list)


class Reader:
    """Somebody who follows a page.

    Args:
        page: the document.
        around: where they are.
        words: what they write for the page's placeholders, e.g. ``CASE``; a function is called when it is needed.
    """

    def __init__(self, page: Path, around: Surroundings, words: "Words | None" = None) -> None:
        self.around = around
        self.layout = Layout(page, around)
        self.words = words or {}
        self.result = Followed()
        self.running: list[Running] = []
        self._numbers = iter(range(1_000))
        self._ran: set[tuple[int, str]] = set()
        self._taken: list[dict[str, Any]] = []

    def follow(self) -> Followed:
        """Follow the page; return what was run."""
        self.layout.read_first()
        shown: Block | None = None
        try:
            for block in self.layout.blocks:
                if block.instances():
                    self.layout.write_instances(block)
                    shown = block
                elif block.language in SHELLS and not block.not_run:
                    for command in block.commands():
                        self.type_in(command, shown)
            self.end_all()
            self._run_the_rest()
        finally:
            for running in self.running:
                running.process.kill()
                running.process.wait(10)
        return self.result

    def type_in(self, command: str, shown: Block | None = None) -> None:
        """Run a command; leave it running where it goes on."""
        for word, here in self.words.items():
            if pattern := re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", command):
                command = command.replace(pattern[0], here if isinstance(here, str) else here(self))
        if not command.startswith("curl"):
            # Whoever types on after such a command has ended it; only a sender speaks with it meanwhile.
            self.end_all(lambda running: " worker" not in running.line)
        if command.startswith("curl") and not self.running and shown is not None:
            names = [table["name"] for table in shown.instances()]
            self.type_in(f"goldentime --city {self.layout.city} connect run {' '.join(names)}")
        self.layout.lay_out_files(command)
        line = self.around.here(command)
        if line.startswith("curl "):
            line = CURL + line.removeprefix("curl ")
        if FOR_EVER.search(line):
            self._start(command, re.sub(r"(?<!\S)(\S*goldentime )", r"exec \1", line, count=1))
        else:
            with self._sending(command):
                self._finish(command, line)
        self.result.ran.append(command)

    def _finish(self, command: str, line: str) -> None:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", line],
            cwd=self.around.folder,
            env=self.around.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_LIMIT_S,
            check=False,
        )
        said = f"{self.layout.page.name}: {command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        assert done.returncode == 0, said
        self.result.answers[command] = done.stdout
        if line.startswith("curl"):
            assert done.stdout.endswith(" 202"), said
        if "connect dry-run" in line:
            assert any(text.startswith("{") for text in done.stdout.splitlines()), said
        if line.startswith("export "):
            pairs = (pair.split("=", 1) for pair in shlex.split(line)[1:])
            self.around.environment |= {pair[0]: pair[1] for pair in pairs}

    @contextmanager
    def _sending(self, command: str) -> Iterator[None]:
        """Send to the connector of a dry run until it has ended."""
        tried = re.search(r"connect (?:dry-run|validate(?=.*--live)) (?:--kind )?(\S+)", command)
        if tried is None:
            yield
            return
        if "--kind" in command:
            manifest, options = self.layout.manifests[tried[1]], dict(re.findall(r"-o (\w+)=(\S+)", command))
        else:
            table = self.layout.instance(tried[1])
            manifest, options = self.layout.manifests[table["kind"]], table.get("options", {})
        transport = self.layout.get_ready(manifest, options)
        over = threading.Event()

        def push_on() -> None:
            while not over.wait(0.3):
                for body in self.layout.bodies(manifest, options):
                    push(self.around, manifest, options, body)

        sender = threading.Thread(target=push_on, daemon=True)
        if transport == "http-push":
            sender.start()
        yield
        over.set()
        if sender.is_alive():
            sender.join(20)

    def _start(self, command: str, line: str) -> None:
        log = self.around.folder / f"running-{next(self._numbers)}.log"
        names = []
        if "connect run" in command:
            # What a connector has read once it does not read again.
            names = [name for name in self.layout.named(command) if self.layout.instance(name) not in self._taken]
            for name in names:
                table = self.layout.instance(name)
                self.layout.get_ready(self.layout.manifests[table["kind"]], table.get("options", {}))
                self._note(table)
        with log.open("wb") as out, ExitStack() as stack:
            stdout = stack.enter_context(terminal(log)) if " watch" in command else out
            process = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", line],
                cwd=self.around.folder,
                env=self.around.environment,
                stdout=stdout,
                stderr=subprocess.STDOUT,
            )
        running = Running(command, process, log, names, self.around.status_port)
        self.running.append(running)
        said = next(word for part, word in SAYS.items() if part in command)
        await_(lambda: said in log.read_text() or running.is_over, STARTS_WITHIN_S, log.read_text)

    def _note(self, table: dict[str, Any]) -> None:
        """Remember which printed instance has been run."""
        for block in self.layout.blocks:
            for printed in block.instances():
                here = self.around.options_here(printed.get("options", {}))
                if printed["name"] == table["name"] and here.items() <= table["options"].items():
                    self._ran.add((block.line, printed["name"]))

    def _run_the_rest(self) -> None:
        """Run the instances that the page shows and does not run."""
        for block in self.layout.blocks:
            rest = [t["name"] for t in block.instances() if (block.line, t["name"]) not in self._ran]
            if rest:
                self.layout.write_instances(block)
                self.type_in(f"goldentime --city {self.layout.city} connect run {' '.join(rest)}")
                self.end_all()

    def end_all(self, which: Callable[[Running], bool] = lambda running: True) -> None:
        """Wait until what runs has taken what is sent, and end it."""
        for running in [running for running in reversed(self.running) if which(running)]:
            self._serve(running)
            if not running.is_over:
                running.process.send_signal(signal.SIGINT if " watch" in running.line else signal.SIGTERM)
            code = running.process.wait(ENDS_WITHIN_S)
            code = 0 if code == INTERRUPTED and " watch" in running.line else code
            self.running.remove(running)
            printed = running.log.read_text()
            self.result.answers[running.line] = printed
            assert code == 0, f"{self.layout.page.name}: {running.line} ended with {code}\n{printed[-3000:]}"
            assert "Traceback" not in printed, printed[-3000:]
            for name in running.instances:
                assert re.search(rf"^{name}: \d+ accepted, 0 refused$", printed, re.MULTILINE), printed[-3000:]
            self.result.served += running.instances
            self._taken += [self.layout.instance(name) for name in running.instances]

    def _serve(self, running: Running) -> None:
        for name in running.instances:
            table = self.layout.instance(name)
            manifest, options = self.layout.manifests[table["kind"]], table.get("options", {})
            transport = transport_of(manifest, options)
            if transport == "http-push":
                for body in self.layout.bodies(manifest, options):
                    self._push(manifest, options, body)
            elif transport == "exchange":
                show_case(self.around, self.layout.city)
                self.result.answers[name] = self._push(manifest, options, self.layout.bodies(manifest, options)[0], 201)
            elif transport == "sink" or table.get("role") == "sink":
                prefix = tomllib.loads((self.layout.city_folder / "city.toml").read_text("utf-8"))["topic_prefix"]
                for number, (topic, record) in enumerate(records_for(manifest), start=1):
                    write_record(self.around, f"{prefix}.{topic.name}", topic.key_of(record), record)
                    # One after the other: of versions that wait together sinks may tell the newest only.
                    self._await_taken(running, name, number)
        if running.instances:
            await_(
                lambda: running.is_over or running.have_taken(),
                SERVED_WITHIN_S,
                lambda: f"{running.line}: {running.states()}\n{running.log.read_text()[-2000:]}",
            )

    def _await_taken(self, running: Running, name: str, count: int) -> None:
        await_(
            lambda: running.is_over or any(s["name"] == name and s["accepted"] >= count for s in running.states()),
            SERVED_WITHIN_S,
            lambda: f"{running.line}: {running.states()}\n{running.log.read_text()[-2000:]}",
        )

    def _push(self, manifest: Manifest, options: dict[str, Any], body: bytes, expected: int = 202) -> str:
        """Send a body until it is taken; return the answer."""
        answer: list[Any] = [0, b""]

        def is_taken() -> bool:
            answer[:] = push(self.around, manifest, options, body)
            return bool(answer[0] == expected)

        await_(is_taken, SERVED_WITHIN_S, lambda: f"{self.layout.page.name}: {body!r}: {answer} {self._logs()}")
        assert json.loads(answer[1]).get("refused", 0) == 0, (self.layout.page.name, body, answer)
        return str(answer[1].decode())

    def _logs(self) -> str:
        return "\n".join(running.log.read_text()[-2000:] for running in self.running)
