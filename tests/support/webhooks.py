"""A web server in this process that records the posts."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Webhook:
    """`requests` has path and headers of each request, `received` its JSON. Unless `answers` is set, none is sent."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.received: list[dict[str, Any]] = []
        self.status = 204
        self.location = ""
        self.answers = threading.Event()
        self.answers.set()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def texts(self) -> list[str]:
        return [str(message["text"]) for message in self.received]


@contextmanager
def opened_webhook() -> Iterator[Webhook]:
    webhook = Webhook()

    class Talk(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            webhook.requests.append((self.path, dict(self.headers)))
            webhook.received.append(json.loads(body))
            webhook.answers.wait()
            self.send_response(webhook.status)
            if webhook.location:
                self.send_header("Location", webhook.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Talk) as server:
        server.daemon_threads = True
        webhook.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        try:
            yield webhook
        finally:
            webhook.answers.set()
            server.shutdown()
