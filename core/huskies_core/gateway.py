"""The gateway: its address, the name of the project there, and a connection that confirms each frame before the next.

Messages of errors contain neither the gateway's address nor a token.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from logging import CRITICAL, Logger
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote, urlsplit
from urllib.request import Request

from huskies_core.errors import HuskiesError
from huskies_core.http import authorization_header, describe_failure, make_opener

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

URL_VARIABLE = "HUSKIES_GATEWAY_URL"
PROJECT_VARIABLE = "HUSKIES_GATEWAY_PROJECT"
_SOCKETS = {"http": "ws", "https": "wss"}
TIMEOUT_SECS = 5.0
POLL_SECS = 0.02
"""The time after which a broken connection is noticed while an answer is awaited."""
_MOST_BYTES = 65536


@dataclass(frozen=True)
class Gateway:
    """A gateway. `headers` contains the user and the password, which the address omits. repr shows neither."""

    scheme: str
    location: str = field(repr=False)
    project: str
    headers: Mapping[str, str] = field(repr=False)

    @property
    def tokens_url(self) -> str:
        return f"{self.scheme}://{self.location}/gateway/tokens"

    def push_url(self, token: str) -> str:
        query = f"token={quote(token, safe='')}&project={quote(self.project, safe='')}"
        return f"{_SOCKETS[self.scheme]}://{self.location}/gateway/events/push?{query}"


def url_of(configured: str | None, environ: Mapping[str, str]) -> str:
    """Return the configured address, or an empty text if no gateway is configured."""
    return configured or environ.get(URL_VARIABLE, "")


def project_of(configured: str | None, environ: Mapping[str, str], folder: str) -> str:
    return configured or environ.get(PROJECT_VARIABLE, "") or folder or "project"


def parse_gateway(url: str, project: str) -> Gateway:
    """Return the gateway at `url`.

    Raise HuskiesError `config_error` without quoting the address, which may contain a password.
    """
    parts = _split(url)
    if parts is None:
        raise HuskiesError(
            "the address of the gateway is not valid",
            hint=f"Write gateway_url, or {URL_VARIABLE}, as https://HOST[:PORT][/PATH].",
            code="config_error",
            subject="gateway_url",
        )
    location = parts.netloc.rpartition("@")[2] + parts.path.rstrip("/")
    return Gateway(parts.scheme, location, project, authorization_header(parts))


class GatewayConnection:
    """An open connection to the gateway."""

    def __init__(self, connection: "ClientConnection", timeout: float) -> None:
        self._connection = connection
        self._timeout = timeout

    @property
    def is_open(self) -> bool:
        from websockets.protocol import State

        return self._connection.state is State.OPEN

    def send(self, frame: str) -> None:
        """Send the frame and wait until the gateway answers a ping that follows it.

        Raise HuskiesError `gateway` if there is no answer; the frame may have arrived nevertheless.
        """
        with _explained("a frame was not accepted"):
            self._connection.send(frame)
            answered = self._connection.ping()
        end = monotonic() + self._timeout
        while not answered.wait(POLL_SECS):
            if not self.is_open and not answered.is_set():
                raise _error("the connection broke after a frame")
            if monotonic() > end:
                raise _error("a frame was not confirmed in time")


@contextmanager
def open_connection(gateway: Gateway, timeout: float = TIMEOUT_SECS) -> Iterator[GatewayConnection]:
    """Yield a connection with a token of its own and close it afterwards. `timeout` limits each step, in seconds.

    Raise HuskiesError `gateway`, or `missing_extra` if the package websockets is not installed.
    """
    try:
        from websockets.sync.client import connect
    except ImportError as error:
        raise HuskiesError(
            "sending events to a gateway requires the package websockets",
            hint="Install huskies with the extra relay: pip install 'huskies[relay]'.",
            code="missing_extra",
        ) from error
    token = _request_token(gateway, timeout)
    # This logger has no handler: the handshake messages of websockets contain the token.
    silent = Logger("huskies gateway", CRITICAL + 1)
    with ExitStack() as stack:
        with _explained("no connection"):
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
        yield GatewayConnection(connection, timeout)


class ReusedConnection:
    """A connection that is reused until it breaks or the gateway changes."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._line: GatewayConnection | None = None
        self._gateway: Gateway | None = None

    @contextmanager
    def to(self, gateway: Gateway) -> Iterator[GatewayConnection]:
        """Yield the connection. An error of the caller closes it."""
        if self._line is None or not self._line.is_open or self._gateway != gateway:
            self.close()
            self._line, self._gateway = self._open.enter_context(open_connection(gateway)), gateway
        try:
            yield self._line
        except HuskiesError:
            self.close()
            raise

    def close(self) -> None:
        self._line = None
        self._open.close()


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    plain = url.isprintable() and url.isascii() and " " not in url and not parts.query and not parts.fragment
    return parts if parts.scheme in _SOCKETS and whole and plain else None


def _request_token(gateway: Gateway, timeout: float) -> str:
    """Return a one-time token for one connection."""
    request = Request(gateway.tokens_url, data=b"", headers=dict(gateway.headers), method="POST")
    with _explained("no token"), make_opener().open(request, timeout=timeout) as response:
        answer = json.loads(response.read(_MOST_BYTES))
    token = answer.get("token") if isinstance(answer, dict) else None
    if not isinstance(token, str) or not token:
        raise _error("no token: the answer does not contain one")
    return token


@contextmanager
def _explained(failure: str) -> Iterator[None]:
    """Raise HuskiesError `gateway` instead of network errors.

    It has no cause: the texts of the original errors can contain the whole address.
    """
    from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

    try:
        yield
    except InvalidStatus as error:
        fact = f"the server answered {error.response.status_code}"
    except ConnectionClosed:
        fact = "the connection broke"
    except WebSocketException as error:
        fact = type(error).__name__
    except (OSError, EOFError, ValueError, HTTPException) as error:
        fact = describe_failure(error)
    else:
        return
    raise _error(f"{failure}: {fact}") from None


def _error(fact: str) -> HuskiesError:
    return HuskiesError(
        f"gateway: {fact}", hint="Unsent events stay in the journal and are sent later.", code="gateway"
    )
