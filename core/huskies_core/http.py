"""Requests over HTTP that go where they are sent and nowhere else, and what of their failures may be told."""

from base64 import b64encode
from collections.abc import Mapping
from urllib import request
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, unquote
from urllib.request import OpenerDirector


def make_opener() -> OpenerDirector:
    """Follows no redirect: another place than the one that was set gets no password."""
    opener = OpenerDirector()
    for handler in (
        request.ProxyHandler(),
        request.HTTPHandler(),
        request.HTTPSHandler(),
        request.HTTPDefaultErrorHandler(),
        request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def authorization_header(parts: SplitResult) -> Mapping[str, str]:
    """The header for the user and the password of an address; none where it has none."""
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def describe_failure(error: Exception) -> str:
    """What went wrong, without the address: the texts of these errors can name the whole of it."""
    if isinstance(error, HTTPError):
        error.close()
        return f"it answered {error.code}"
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    if isinstance(reason, ValueError):
        return "the address cannot be used"
    return type(reason).__name__
