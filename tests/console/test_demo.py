import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.demo.story import STORY_LENGTH_S
from tests.console.processes import marked_environment, marked_processes, on_linux, wait_until_gone

pytestmark = pytest.mark.skipif(not on_linux, reason="looks for left-over processes in /proc")
# The broker, the worker and the demonstration itself.
PROCESSES = 3


class Demo:
    """A running ``goldentime demo``; its output goes to a file."""

    def __init__(self, process: subprocess.Popen[bytes], out: Path, err: Path, mark: str) -> None:
        self.process, self.out, self.err, self.mark = process, out, err, mark

    def output(self) -> str:
        return self.out.read_text()

    def wait_for(self, text: str, timeout_s: float = 60.0) -> None:
        deadline_s = time.monotonic() + timeout_s
        while text not in self.output():
            assert self.process.poll() is None, self.output() + self.err.read_text()
            assert time.monotonic() < deadline_s, f"no {text!r} in:\n{self.output()}"
            time.sleep(0.01)

    def worker_pid(self) -> int:
        for pid in marked_processes(self.mark):
            if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                return pid
        raise AssertionError("no worker")


@contextmanager
def _demo(tmp_path: Path, *arguments: str) -> Iterator[Demo]:
    mark, environment = marked_environment(TMPDIR=str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir(exist_ok=True)
    out, err = tmp_path / "out.txt", tmp_path / "err.txt"
    with out.open("wb") as out_file, err.open("wb") as err_file:
        process = subprocess.Popen(
            [sys.executable, "-m", "console.cli", "demo", *arguments],
            env=environment,
            stdout=out_file,
            stderr=err_file,
            start_new_session=True,
        )
    try:
        yield Demo(process, out, err, mark)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)
        assert wait_until_gone(mark) == []


def _assert_clean_end(demo: Demo, tmp_path: Path, code: int) -> None:
    assert demo.process.wait(15) == code
    assert wait_until_gone(demo.mark) == []
    assert demo.err.read_text().strip() == ""
    assert list((tmp_path / "temporary").iterdir()) == []


def test_ctrl_c_while_it_starts_ends_cleanly(tmp_path: Path) -> None:
    with _demo(tmp_path) as demo:
        demo.wait_for("topics")
        demo.process.send_signal(signal.SIGINT)
        _assert_clean_end(demo, tmp_path, 130)


def test_ctrl_c_while_modules_load_ends_cleanly(tmp_path: Path) -> None:
    for delay_s in (0.1, 0.2, 0.3):
        with _demo(tmp_path) as demo:
            time.sleep(delay_s)  # nothing can be awaited: the process has not said anything yet
            demo.process.send_signal(signal.SIGINT)
            _assert_clean_end(demo, tmp_path, 130)


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["broker", "cameras", "worker  ", "connectors", "[0] robbery", "[2] safe-zone-exit"])
def test_ctrl_c_at_any_moment_ends_cleanly(tmp_path: Path, moment: str) -> None:
    with _demo(tmp_path) as demo:
        demo.wait_for(moment)
        demo.process.send_signal(signal.SIGINT)
        demo.process.send_signal(signal.SIGINT)  # a second one changes nothing
        started_s = time.monotonic()
        _assert_clean_end(demo, tmp_path, 130)
        assert time.monotonic() - started_s < 8


@pytest.mark.slow
def test_sigterm_ends_cleanly_too(tmp_path: Path) -> None:
    with _demo(tmp_path) as demo:
        demo.wait_for("connectors")
        demo.process.terminate()
        _assert_clean_end(demo, tmp_path, 143)


@pytest.mark.slow
def test_a_killed_demonstration_leaves_no_process_behind(tmp_path: Path) -> None:
    with _demo(tmp_path) as demo:
        demo.wait_for("connectors")
        assert len(marked_processes(demo.mark)) == PROCESSES
        demo.process.kill()
        demo.process.wait(5)
        assert wait_until_gone(demo.mark) == []


@pytest.mark.slow
def test_a_worker_that_dies_is_started_again_and_the_story_goes_on(tmp_path: Path) -> None:
    with _demo(tmp_path) as demo:
        demo.wait_for("[0] robbery")
        os.kill(demo.worker_pid(), signal.SIGKILL)
        demo.wait_for("the worker ended with code -9 and is started again")
        demo.wait_for("The golden time of")
        text = demo.output()
        assert "was started again 1 time" in text
        assert demo.process.wait(15) == 0
    # Every case but the exercise, whose lease ends it, is closed by its report; none is lost.
    assert re.search(r"cases +8, of which 7 had a view; now 1 denied, 7 released", text)


@pytest.mark.slow
def test_staying_begins_a_new_story_and_says_how_to_look(tmp_path: Path) -> None:
    with _demo(tmp_path, "--stay", "--speed", "120") as demo:
        demo.wait_for("A new story begins now")
        text = demo.output()
        assert "export GOLDENTIME_BOOTSTRAP_SERVERS=127.0.0.1:" in text
        case_id = re.search(r"goldentime explain (\S+)", text)
        variables = re.search(r"export (.*)", text)
        assert case_id is not None
        assert variables is not None
        own = dict(pair.split("=", 1) for pair in variables[1].split())
        explained = subprocess.run(
            [sys.executable, "-m", "console.cli", "explain", case_id[1]],
            env={**os.environ, **own},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert explained.returncode == 0
        assert f"case {case_id[1]}" in explained.stdout
        demo.wait_for("[0] robbery")
        demo.process.send_signal(signal.SIGINT)
        _assert_clean_end(demo, tmp_path, 130)


@pytest.mark.slow
def test_the_whole_story_is_decided_and_summed_up_within_90_seconds(tmp_path: Path) -> None:
    started_s = time.monotonic()
    with _demo(tmp_path, "--seed", "1") as demo:
        _ = demo.process.wait(100)
        assert time.monotonic() - started_s < 90
        _assert_clean_end(demo, tmp_path, 0)
        text = demo.output()
    for told in (
        "[0] robbery         look through",
        "[1] structure-fire  look through",
        "[0] structure-fire",  # response level 2
        "corridor",
        "[1] flood           look through",
        "[1] missing-child   look through",
        "[2] safe-zone-exit  look through",
        "hand over +",
        "[1] violence        no cameras, needs a place",
        "[4] noise           denied: not-urgent",
        "EXERCISE",
        "lease-expired",
        "dead letter     police_112: not-a-call",
        "cameras go: found",
        "a click on the map",
        "PTZ heads",
        "goldentime demo --stay",
    ):
        assert told in text, told
    assert f"golden time of {STORY_LENGTH_S // 60} story minutes" in text
    assert re.search(r"cases +8, of which 7 had a view; now 1 denied, 7 released", text)
    eyes = re.search(r"Eyes on the walker: (\d+)% of the time .* as many of the nearest: (\d+)%", text)
    assert eyes is not None
    # One walk of half an hour; the slow test of the wandering case has several.
    assert int(eyes[1]) > int(eyes[2])
    latency = re.search(r"report -> assignment p50 (\d+) ms, p99 (\d+) ms", text)
    assert latency is not None
    assert int(latency[1]) < 1_000
    assert all(len(line) <= 160 for line in text.splitlines())
    assert not any(name in text for name in (tempfile.gettempdir() + "/goldentime", "Traceback"))
