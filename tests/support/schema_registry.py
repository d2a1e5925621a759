"""A schema registry over HTTP that behaves as Confluent's, in memory: subjects, ids, modes, basic authentication."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Registry:
    """What a registry holds, and how it may be used.

    Attributes:
        subjects: by subject, (id, schema text) by version.
        modes: by subject, where it is not the registry's own.
        may_import: whether it allows the mode IMPORT.
        login: ``user:password`` that it asks for; None for nobody.
        writes: how many calls changed something.
        url: where it listens.
    """

    subjects: dict[str, dict[int, tuple[int, str]]] = field(default_factory=dict)
    modes: dict[str, str] = field(default_factory=dict)
    may_import: bool = True
    login: str | None = None
    writes: int = 0
    url: str = ""

    def by_id(self, schema_id: int) -> str | None:
        """Return the schema of an id."""
        every = (one for versions in self.subjects.values() for one in versions.values())
        return next((text for number, text in every if number == schema_id), None)

    def call(self, method: str, path: list[str], query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        """Return the status and the answer to a call."""
        answer: tuple[int, Any] = (405, {"error_code": 405, "message": "HTTP 405 Method Not Allowed"})
        match method, path:
            case "GET", _:
                answer = self._read(path)
            case "POST", ["subjects", subject, "versions"]:
                answer = self._register(subject, body)
            case "PUT", ["mode", subject]:
                answer = self._set_mode(subject, body["mode"], forced=query.get("force") == ["true"])
            case "DELETE", ["mode", subject]:
                self.writes += 1
                answer = (200, {"mode": self.modes.pop(subject)}) if subject in self.modes else _missing(40409)
        return answer

    def _read(self, path: list[str]) -> tuple[int, Any]:
        match path:
            case ["schemas", "ids", number]:
                text = self.by_id(int(number))
                return _missing(40403) if text is None else (200, {"schema": text})
            case ["subjects", subject, "versions", number]:
                versions = self.subjects.get(subject, {})
                wanted = max(versions, default=0) if number == "latest" else int(number)
                if wanted not in versions:
                    return _missing(40402 if versions else 40401)
                schema_id, text = versions[wanted]
                return 200, {"subject": subject, "version": wanted, "id": schema_id, "schema": text}
        return _missing(404)

    def _set_mode(self, subject: str, mode: str, *, forced: bool) -> tuple[int, Any]:
        if not self.may_import:
            return 422, {"error_code": 42205, "message": "Mode changes are not allowed"}
        if self.subjects.get(subject) and not forced:
            return 422, {"error_code": 42205, "message": "Cannot import since found existing subjects"}
        self.writes += 1
        self.modes[subject] = mode
        return 200, {"mode": mode}

    def _register(self, subject: str, body: Any) -> tuple[int, Any]:
        schema_id, text = body["id"], body["schema"]
        if self.modes.get(subject) != "IMPORT":
            return 422, {"error_code": 42205, "message": f"Subject {subject} is not in import mode"}
        if self.by_id(schema_id) not in (None, text):
            return 422, {"error_code": 42205, "message": f"Overwrite new schema with id {schema_id} is not permitted."}
        self.writes += 1
        self.subjects.setdefault(subject, {})[body["version"]] = (schema_id, text)
        return 200, {"id": schema_id}


def _missing(code: int) -> tuple[int, Any]:
    return 404, {"error_code": code, "message": "not found"}


class _Handler(BaseHTTPRequestHandler):
    """Passes calls on to the server's registry."""

    def _answer(self) -> None:
        registry: Registry = self.server.registry  # type: ignore[attr-defined]
        url = urlsplit(self.path)
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
        login = base64.b64encode((registry.login or "").encode()).decode()
        if registry.login is not None and self.headers.get("Authorization") != f"Basic {login}":
            status, content = 401, {"error_code": 401, "message": "Unauthorized"}
        else:
            path = [unquote(part) for part in url.path.strip("/").split("/")]
            status, content = registry.call(self.command, path, parse_qs(url.query), body)
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - names of the base class

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def running_registry(**how: Any) -> Iterator[Registry]:
    """Give a registry that listens on a free port of the loopback."""
    registry = Registry(**how)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.registry = registry  # type: ignore[attr-defined]
    registry.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        thread.join(timeout=5)
        server.server_close()
