"""A gateway in this process: real HTTP and WebSocket, with failures on demand."""

import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging import CRITICAL, Logger
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import Event
from websockets.server import ServerProtocol


class Gateway:
    """A gateway; `frames` are the received ones. The numbers in `hangs_up_at`, `tears_at` and `is_mute_at` count
    received text frames; each failure happens once."""

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []
        self.requests: list[dict[str, str]] = []
        self.projects: list[str] = []
        self.tokens: list[str] = []
        self.port = 0
        self.refuses_tokens: bytes = b""
        self.refuses_lines = False
        self.hangs_up_at: set[int] = set()
        self.tears_at: set[int] = set()
        self.is_mute_at: set[int] = set()
        self.answers = threading.Event()
        self.answers.set()
        self._unused: set[str] = set()
        self._server: _Server | None = None
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def transitions(self) -> list[tuple[str, str]]:
        """Return the story and the new stage of each received transition."""
        return [
            (frame["story_id"], frame["to_stage"])
            for frame in self.frames
            if frame["type"] == "stage_transition"
        ]

    def open(self) -> None:
        self._server = _Server(("127.0.0.1", self.port), self)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}).start()

    def close(self) -> None:
        """Stop listening, and break the open connections."""
        self.answers.set()
        if self._server is not None:
            self._server.end()
            self._server = None

    def give_token(self, headers: dict[str, str]) -> bytes:
        with self._lock:
            self.requests.append(headers)
            if self.refuses_tokens:
                return self.refuses_tokens
            token = f"secret/{len(self.requests)}&?"
            self.tokens.append(token)
            self._unused.add(token)
        return answer_of("200 OK", json.dumps({"token": token}))

    def admits(self, path: str) -> bool:
        query = parse_qs(urlsplit(path).query)
        with self._lock:
            token = query["token"][0]
            admitted = token in self._unused and not self.refuses_lines
            self._unused.discard(token)
            if admitted:
                self.projects.append(query["project"][0])
        return admitted and urlsplit(path).path == "/gateway/events/push"

    def strikes(self, numbers: set[int], *, before: bool = False) -> bool:
        """Return whether the last frame, or the next one, is among `numbers`."""
        number = len(self.frames) + before
        is_due = number in numbers
        numbers.discard(number)
        return is_due


def answer_of(status: str, body: str = "", more: str = "") -> bytes:
    return (
        f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}Connection: close\r\n\r\n{body}".encode()
    )


@contextmanager
def opened_gateway() -> Iterator[Gateway]:
    gateway = Gateway()
    gateway.open()
    try:
        yield gateway
    finally:
        gateway.close()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: tuple[str, int], gateway: Gateway) -> None:
        self.gateway = gateway
        self.lines: list[socket.socket] = []
        super().__init__(address, _Talk)

    def end(self) -> None:
        self.shutdown()
        self.server_close()
        for line in self.lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)


class _Talk(socketserver.BaseRequestHandler):
    """One connection, for a token or for frames."""

    server: _Server
    request: socket.socket

    def handle(self) -> None:
        self.server.lines.append(self.request)
        with suppress(ConnectionError):
            if self.request.recv(4, socket.MSG_PEEK) == b"POST":
                self._give_token()
            else:
                self._take_frames()

    def _give_token(self) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.request.recv(65536)
        lines = head.decode().split("\r\n")
        assert lines[0].split()[1].endswith("/gateway/tokens"), lines
        headers = dict(line.split(": ", 1) for line in lines[1:] if line)
        self.request.sendall(self.server.gateway.give_token(headers))

    def _take_frames(self) -> None:
        gateway, protocol = self.server.gateway, ServerProtocol(logger=Logger("gateway", CRITICAL + 1))
        while data := self.request.recv(65536):
            if data[0] & 0x0F == Opcode.TEXT and gateway.strikes(gateway.tears_at, before=True):
                protocol.receive_data(data[: len(data) // 2])
                return
            protocol.receive_data(data)
            if not all(self._receive(protocol, event) for event in protocol.events_received()):
                return
            gateway.answers.wait()
            self._answer(protocol)

    def _receive(self, protocol: ServerProtocol, event: Event) -> bool:
        """Return False if the connection breaks now."""
        gateway = self.server.gateway
        if isinstance(event, Request):
            admitted = gateway.admits(event.path)
            protocol.send_response(
                protocol.accept(event) if admitted else protocol.reject(401, "no such token\n")
            )
        elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
            gateway.frames.append(json.loads(bytes(event.data)))
            if gateway.strikes(gateway.is_mute_at):
                while self.request.recv(65536):
                    pass
                return False
            return not gateway.strikes(gateway.hangs_up_at)
        return True

    def _answer(self, protocol: ServerProtocol) -> None:
        for data in protocol.data_to_send():
            self.request.sendall(data) if data else self.request.shutdown(socket.SHUT_WR)
