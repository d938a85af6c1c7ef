"""An open line to the gateway: one frame at a time, each known to have arrived before the next one goes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from logging import CRITICAL, Logger
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING

from huskies_core.errors import HuskiesError
from huskies_core.gateway.address import Gateway
from huskies_core.gateway.errors import explained, trouble
from huskies_core.gateway.token import take_token

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

TIMEOUT_SECS = 5.0
LOOK_SECS = 0.02
"""How soon it is noticed that a line breaks while an answer is awaited."""


class Line:
    def __init__(self, connection: "ClientConnection", timeout: float) -> None:
        self._connection = connection
        self._timeout = timeout

    @property
    def is_open(self) -> bool:
        from websockets.protocol import State

        return self._connection.state is State.OPEN

    def send(self, frame: str) -> None:
        """Returns when the gateway has it: a ping behind the frame was answered.

        Raises HuskiesError `gateway` when that is not known; the frame may have arrived all the same.
        """
        with _explained("a frame was not taken"):
            self._connection.send(frame)
            answered = self._connection.ping()
        self._await(answered)

    def _await(self, answered: Event) -> None:
        end = monotonic() + self._timeout
        while not answered.wait(LOOK_SECS):
            if not self.is_open and not answered.is_set():
                raise trouble("the line broke behind a frame")
            if monotonic() > end:
                raise trouble("a frame was not confirmed in time")


@contextmanager
def open_line(gateway: Gateway, timeout: float = TIMEOUT_SECS) -> Iterator[Line]:
    """A line with a token of its own, closed at the end; `timeout` seconds for each step.

    Raises HuskiesError `gateway`, or `missing_extra` without the package websockets.
    """
    connect = _connector()
    token = take_token(gateway, timeout)
    # A logger that nobody listens to: what websockets tells of a handshake has the token in it.
    silent = Logger("huskies gateway", CRITICAL + 1)
    with ExitStack() as stack:
        with _explained("no line"):
            connection = stack.enter_context(
                connect(
                    gateway.push_url(token),
                    additional_headers=gateway.headers,
                    open_timeout=timeout,
                    close_timeout=timeout,
                    compression=None,
                    logger=silent,
                )
            )
        yield Line(connection, timeout)


class KeptLine:
    """The same line each time, for as long as it holds and the gateway is the same; else a new one."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._line: Line | None = None
        self._gateway: Gateway | None = None

    @contextmanager
    def to(self, gateway: Gateway) -> Iterator[Line]:
        """Lends the line. What goes wrong meanwhile closes it."""
        if self._line is None or not self._line.is_open or self._gateway != gateway:
            self.close()
            self._line, self._gateway = self._open.enter_context(open_line(gateway)), gateway
        try:
            yield self._line
        except HuskiesError:
            self.close()
            raise

    def close(self) -> None:
        self._line = None
        self._open.close()


def _connector() -> "Callable[..., ClientConnection]":
    try:
        from websockets.sync.client import connect
    except ImportError as error:
        raise HuskiesError(
            "sending events to a gateway needs the package websockets",
            hint="Install huskies with the extra relay: pip install 'huskies[relay]'.",
            code="missing_extra",
        ) from error
    return connect


@contextmanager
def _explained(doing: str) -> Iterator[None]:
    from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

    try:
        with explained(doing):
            yield
    except InvalidStatus as error:
        fact = f"it answered {error.response.status_code}"
    except ConnectionClosed:
        fact = "the line broke"
    except WebSocketException as error:
        fact = type(error).__name__
    else:
        return
    raise trouble(f"{doing}: {fact}") from None
