"""A target of Prometheus that says whatever a test wants."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class Exporter:
    """Serves its `text` on 127.0.0.1 for as long as the `with` block."""

    def __init__(self) -> None:
        exporter = self
        self.text = ""

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(exporter.text.encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def job(self, name: str, **more: Any) -> dict[str, Any]:
        """A scrape_config for it."""
        target = f"127.0.0.1:{self._server.server_address[1]}"
        return {"job_name": name, "static_configs": [{"targets": [target]}], **more}

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
