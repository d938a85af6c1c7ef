"""HTTP requests without redirects, and descriptions of their failures without secrets."""

from base64 import b64encode
from collections.abc import Mapping
from urllib import request
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, unquote
from urllib.request import OpenerDirector


def make_opener() -> OpenerDirector:
    """Return an opener that follows no redirects, so no other server gets the password.

    It opens http and https only, and does not read the address that a redirect names.
    """
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
    """Return the header with the user and password of an address, or {} for an address without them."""
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def describe_failure(error: Exception) -> str:
    """Return the reason of the failure without the address, which these exceptions may contain with its password."""
    if isinstance(error, HTTPError):
        error.close()
        return f"the server answered {error.code}"
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    if isinstance(reason, ValueError):
        return "the address cannot be used"
    return type(reason).__name__
