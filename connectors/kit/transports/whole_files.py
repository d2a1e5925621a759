"""Whole files that another system drops into a folder, each a payload: alerts as XML, answers of a service as JSON.

A file is taken when it stands unchanged for ``settle_s``. Names with a dot in front, or that end in other than the
suffixes, are left alone: who writes ``alert.xml.part`` and renames it needs no settling. So are links, folders, pipes
and empty files. The oldest file comes first, by its time of change and then by its name.

A file whose records stand in Kafka goes to ``done/`` within the folder, so what still lies there after a crash was not
safe and is read again. The cursor names the last file that was safe, for a crash just before it was moved. What could
not be read or moved is tried again now and then.
"""

import asyncio
import hashlib
import heapq
import json
import logging
import os
import stat
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.kit.arrival import AnswersPayloads, Arrival, with_cursor
from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError, SourceUnavailableError
from connectors.kit.option_values import names_option, number_option, text_option
from connectors.kit.source import Entry
from connectors.kit.transports.done_folder import DONE, DoneFolder, Stamp, facts_of, stamp_of

logger = logging.getLogger(__name__)

WHOLE_FILE_OPTIONS = frozenset({"folder", "suffixes", "settle_s", "look_every_s", "max_file_bytes", "done_max"})
SUFFIXES = (".cap", ".json", ".xml")
# Of one look; the rest comes with the next one.
FILES_PER_LOOK = 1_000
# Files that were read and cannot be moved away; with more of them somebody must look after the folder.
STUCK_MAX = 10_000
# How often what could not be read or moved is tried again, seconds.
AGAIN_S = 30.0
NAME_CHARACTERS_MAX = 120
# A pipe under a file's name must not block, and a link that was put there meanwhile is not followed.
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_CONTENT_TYPES = {".cap": "application/xml", ".json": "application/json", ".xml": "application/xml"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeFilesConfig:
    """Which files are taken.

    Attributes:
        folder: where they are dropped.
        suffixes: how their names end, in lower case.
        settle_s: a file that did not change for so long is complete, seconds.
        look_every_s: pause between two looks, seconds.
        max_payload_bytes: a longer file is refused as a whole.
        done_max: most files that are kept in ``done/``; the oldest go first.
    """

    folder: Path
    suffixes: tuple[str, ...] = SUFFIXES
    settle_s: float = 2.0
    look_every_s: float = 1.0
    max_payload_bytes: int = 16_777_216
    done_max: int = 1_000

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "WholeFilesConfig":
        """Return what the options of :data:`WHOLE_FILE_OPTIONS` say.

        Raises:
            ConnectorConfigError: an option is missing or wrong.
        """
        suffixes = tuple(suffix.lower() for suffix in names_option(options, "suffixes")) or SUFFIXES
        if any(not suffix.startswith(".") or len(suffix) < 2 for suffix in suffixes):
            raise ConnectorConfigError(f"option suffixes must be words such as .xml, got {', '.join(suffixes)}")
        return cls(
            folder=Path(text_option(options, "folder")).expanduser(),
            suffixes=suffixes,
            settle_s=number_option(options, "settle_s", 2.0, least=0, most=600),
            look_every_s=number_option(options, "look_every_s", 1.0, least=0.01, most=3600),
            max_payload_bytes=int(number_option(options, "max_file_bytes", 4_194_304, least=256, most=268_435_456)),
            done_max=int(number_option(options, "done_max", 1_000, least=0, most=100_000)),
        )


class WholeFilesLink:
    """Looks into a folder for one connector."""

    def __init__(self, config: WholeFilesConfig, connector: AnswersPayloads, context: ConnectorContext) -> None:
        self._config = config
        self._done = DoneFolder(config.folder, config.done_max)
        self._connector = connector
        self._clock = context.clock
        # A trial takes what is there, leaves it there, and ends.
        self._is_trial = context.is_trial
        self._number = 0
        self._is_connected = False
        # Since when a file has been as it is, by name; what was read; and of that what is not safe yet, by cursor.
        self._seen: dict[str, tuple[Stamp, float]] = {}
        self._taken: dict[str, Stamp] = {}
        self._pending: dict[str, tuple[str, Stamp]] = {}
        # Of what was taken: what is safe and could not be moved, and what could not be read.
        self._stuck: dict[str, Stamp] = {}
        self._unreadable: set[str] = set()
        self._again_s = 0.0

    @property
    def is_connected(self) -> bool:
        """Return whether the folder could be read at the last look."""
        return self._is_connected

    def acknowledged(self, cursor: str) -> None:
        """Move the files away whose records stand in Kafka."""
        if cursor not in self._pending:
            return
        for known in list(self._pending):
            self._put_away(*self._pending.pop(known))
            if known == cursor:
                return

    async def entries(self, cursor: str | None) -> AsyncGenerator[Entry, None]:
        """Yield the entries of all files, for ever; in a trial of those that are there now.

        Raises:
            SourceUnavailableError: the folder cannot be read, too many files cannot be moved away, or ``done`` is none.
        """
        # What was on its way and got lost must come again.
        self._seen, self._taken, self._pending = {}, {}, {}
        safe, before = _told(cursor), cursor or ""
        while True:
            now_s = asyncio.get_running_loop().time()
            names, present = await asyncio.to_thread(self._look, now_s)
            self._is_connected = True
            self._look_after(present, now_s)
            for name in names:
                body = await asyncio.to_thread(self._read, name)
                if body is None:
                    continue
                stamp = self._taken[name]
                digest = hashlib.sha256(body).hexdigest()[:32]
                # Only the first can be the one: behind another its content is news again.
                was_safe, safe = safe == (name, digest), None
                if was_safe:
                    self._put_away(name, stamp)
                    continue
                self._number += 1
                position = json.dumps({"n": self._number, "file": name, "digest": digest})
                entries = self._connector.answers(body, self._arrival(name))
                if not entries:
                    self._put_away(name, stamp)
                    continue
                self._pending[position] = name, stamp
                for entry in with_cursor(entries, position, before):
                    yield entry
                before = position
            if self._is_trial:
                return
            await asyncio.sleep(self._config.look_every_s)

    def _arrival(self, name: str) -> Arrival:
        kind = _CONTENT_TYPES.get(Path(name).suffix.lower(), "")
        return Arrival(self._clock.now_us(), self._number, _shown(name), {"content-type": kind} if kind else {})

    def _look(self, now_s: float) -> tuple[list[str], set[str]]:
        """Return the names of complete files that were not read yet, oldest first; and of those read that lie there."""
        folder = self._config.folder
        present: set[str] = set()
        try:
            with os.scandir(folder) as found:
                files = (
                    (s.st_mtime_ns, f.name, stamp_of(s))
                    for f in found
                    if (s := self._candidate(f, present)) is not None
                )
                oldest = heapq.nsmallest(FILES_PER_LOOK, files)
            if not self._is_trial:
                self._tidy_done()
        except OSError as error:
            self._is_connected = False
            raise SourceUnavailableError(f"folder {folder.name} cannot be read: {type(error).__name__}") from error
        if len(present) - len(self._pending) > STUCK_MAX:
            raise SourceUnavailableError(f"over {STUCK_MAX} files of {folder.name} cannot be moved to {DONE}")
        seen, self._seen = self._seen, {}
        complete = []
        for _, name, stamp in oldest:
            before, since_s = seen.get(name, (stamp, now_s))
            since_s = since_s if before == stamp else now_s
            self._seen[name] = (stamp, since_s)
            if self._is_trial or now_s - since_s >= self._config.settle_s:
                complete.append(name)
        return complete, present

    def _look_after(self, present: set[str], now_s: float) -> None:
        """Forget files that others have removed, and now and then try again what went wrong."""
        kept = present.union(name for name, _ in self._pending.values())
        self._taken = {name: stamp for name, stamp in self._taken.items() if name in kept}
        self._stuck = {name: stamp for name, stamp in self._stuck.items() if name in kept}
        self._unreadable &= kept
        if now_s < self._again_s:
            return
        self._again_s = now_s + AGAIN_S
        for name in self._unreadable:
            self._taken.pop(name, None)
        for name, stamp in list(self._stuck.items()):
            self._put_away(name, stamp)

    def _candidate(self, entry: "os.DirEntry[str]", present: set[str]) -> os.stat_result | None:
        """Return the facts of a file that may be taken; None for anything else and for what was read, if present."""
        if entry.name.startswith(".") or not entry.name.lower().endswith(self._config.suffixes):
            return None
        facts = facts_of(entry)
        # An empty file is one that its writer has only opened.
        if facts is None or not stat.S_ISREG(facts.st_mode) or facts.st_size == 0:
            return None
        taken = self._taken.get(entry.name)
        if taken is not None:
            present.add(entry.name)
        return facts if taken != stamp_of(facts) else None

    def _read(self, name: str) -> bytes | None:
        """Return the content, at most one byte more than is allowed; None where it changes or cannot be read."""
        stamp = self._seen[name][0]
        try:
            handle = os.open(self._config.folder / name, _OPEN_FLAGS)
            with os.fdopen(handle, "rb") as file:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    return None
                body = file.read(self._config.max_payload_bytes + 1)
                if stamp_of(os.fstat(handle)) != stamp:
                    return None
        except FileNotFoundError:
            return None
        except OSError as error:
            if name not in self._unreadable:
                self._unreadable.add(name)
                self._connector.note("unreadable-file")
                logger.warning("%s cannot be read: %s", _shown(name), type(error).__name__)
            self._taken[name] = stamp
            return None
        self._unreadable.discard(name)
        self._taken[name] = stamp
        return body

    def _put_away(self, name: str, stamp: Stamp) -> None:
        """Move a file that is done with, unless another has taken its name since."""
        if self._is_trial:
            return
        try:
            self._done.put(name, stamp)
        except OSError as error:
            if not self._stuck:  # once for all: a disk that has gone must not fill the log
                logger.warning("%s cannot be moved to %s: %s", _shown(name), DONE, type(error).__name__)
            if name not in self._stuck:
                self._connector.note("file-not-moved")
            self._stuck[name] = stamp
            return
        self._stuck.pop(name, None)
        if self._taken.get(name) == stamp:
            self._taken.pop(name)

    def _tidy_done(self) -> None:
        """Look after the folder of files that are done with; that it cannot be tidied holds nothing up.

        Raises:
            SourceUnavailableError: something else has its name. Others write to the folder; they must not end us.
        """
        if self._done.is_hidden():
            raise SourceUnavailableError(f"{DONE} in {self._config.folder.name} must be a folder, got a link or a file")
        try:
            self._done.tidy()
        except OSError:
            self._connector.note("done-not-tidied")


def _told(cursor: str | None) -> tuple[str, str] | None:
    """Return name and digest of the last file that was safe; None where the cursor tells none."""
    try:
        fields = json.loads(cursor) if cursor else {}
        return str(fields["file"]), str(fields["digest"])
    except (ValueError, LookupError, TypeError):
        return None


def _shown(name: str) -> str:
    """Return a file's name as it may stand in a record or a log: printable, and not without end."""
    return "".join(c if c.isprintable() else "?" for c in name[:NAME_CHARACTERS_MAX])
