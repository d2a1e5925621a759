"""The programs of docs/consumers.md as commands: they are run as they stand on the page."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PYTHON_PROGRAM = HERE / "present_picture.py"
JAVA_PROGRAM = HERE / "java" / "src" / "main" / "java" / "PresentPicture.java"
POM = HERE / "java" / "pom.xml"
# What is built goes where the project keeps what can be made again, not next to its sources.
BUILT = HERE.parents[1] / ".cache" / "java-consumer"
MAVEN = ["mvn", "-q", "-B", "-f", str(POM), f"-Dbuild.folder={BUILT}"]
BUILD_TIMEOUT_S = 300


def python_command(
    broker: str, registry: str, topic: str, now_us: int, *more: str, quiet_s: float = 1, schema: Path | None = None
) -> list[str]:
    """Return the command of the program in Python; ``more`` are options of its own."""
    options = {"broker": broker, "registry": registry, "topic": topic, "quiet-s": quiet_s, "now-us": now_us}
    if schema is not None:
        options["schema"] = str(schema)
    return [sys.executable, "-u", str(PYTHON_PROGRAM), *(f"--{name}={value}" for name, value in options.items()), *more]


def java_command(
    broker: str, registry: str, topic: str, now_us: int, *, quiet_s: float = 2, schema: Path | None = None
) -> list[str]:
    """Return the command of the program in Java; build it before."""
    arguments = f"{broker} {registry} {topic} {quiet_s} {now_us}" + ("" if schema is None else f" {schema}")
    return [*MAVEN, "exec:java", f"-Dexec.args={arguments}"]


def why_no_java() -> str | None:
    """Return why the program in Java cannot be built here, None if it can."""
    missing = [program for program in ("mvn", "javac") if shutil.which(program) is None]
    return f"no {' and no '.join(missing)} on the path" if missing else None


def build_java() -> None:
    """Build the program in Java, which fetches its libraries the first time."""
    subprocess.run([*MAVEN, "compile"], check=True, timeout=BUILD_TIMEOUT_S, env=dict(os.environ))
