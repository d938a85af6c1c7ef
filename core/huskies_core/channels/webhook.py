"""A webhook: the message as JSON, by one POST."""

import json
from http.client import HTTPException
from urllib.parse import urlsplit, urlunsplit
from urllib.request import Request

from huskies_core.channels.channel import STEP_SECS, trouble
from huskies_core.channels.message import Message
from huskies_core.errors import HuskiesError
from huskies_core.http import credentials_of, fact_of, opener

_SCHEMES = ("http", "https")


def post(message: Message, url: str, within: float = STEP_SECS) -> None:
    """`within` seconds at most for each step. A user and a password in `url` go in a header.

    Any answer of the 200s will do. A redirect is none: the message goes where it was sent, or nowhere.
    """
    try:
        with opener().open(_request(message, url), timeout=within):
            return
    except (OSError, EOFError, ValueError, HTTPException) as error:
        fact = fact_of(error)
    raise trouble(fact) from None


def _request(message: Message, url: str) -> Request:
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or not parts.hostname or not url.isprintable() or " " in url:
        raise HuskiesError("the address cannot be used", hint="Write https://HOST/PATH.", code="config_error")
    place = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
    body = json.dumps(message.document()).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "huskies", **credentials_of(parts)}
    return Request(place, data=body, headers=headers, method="POST")
