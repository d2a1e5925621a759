"""A read-only schema registry over the published schemas: what standard clients need to decode and encode."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from schemas.registry import newest_schema, published_schemas
from schemas.topics import BY_NAME


class _Handler(BaseHTTPRequestHandler):
    """Answers ``/schemas/ids/{id}``, ``/subjects`` and ``/subjects/{topic}-value/versions/latest``."""

    def do_GET(self):
        path = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
        match path:
            case ["schemas", "ids", number] if int(number) in published_schemas():
                self._answer(200, {"schema": json.dumps(published_schemas()[int(number)].schema)})
            case ["subjects"]:
                self._answer(200, [f"{name}-value" for name in BY_NAME])
            case ["subjects", subject, "versions", "latest"] if subject.removesuffix("-value") in BY_NAME:
                newest = newest_schema(BY_NAME[subject.removesuffix("-value")].record.__name__)
                schema = json.dumps(newest.schema)
                self._answer(
                    200, {"subject": subject, "version": newest.version, "id": newest.schema_id, "schema": schema}
                )
            case _:
                self._answer(404, {"error_code": 40403, "message": "not found"})

    def _answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


@contextmanager
def registry_stub() -> Iterator[str]:
    """Run the stub on a free port and yield its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join(timeout=5)
        server.server_close()
