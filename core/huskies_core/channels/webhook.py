"""The webhook channel: one POST with the message as JSON."""

import json
from http.client import HTTPException
from urllib.parse import urlsplit, urlunsplit
from urllib.request import Request

from huskies_core.channels.channel import STEP_SECS, channel_error
from huskies_core.channels.message import Message
from huskies_core.errors import HuskiesError
from huskies_core.http import authorization_header, describe_failure, make_opener


def post(message: Message, url: str, within: float = STEP_SECS) -> None:
    """Post the message. Each step may take `within` seconds. User and password of `url` become a header.

    Any 2xx answer is a success. Redirects are not followed.
    """
    try:
        with make_opener().open(_request(message, url), timeout=within):
            return
    except (OSError, EOFError, ValueError, HTTPException) as error:
        fact = describe_failure(error)
    raise channel_error(fact) from None


def _request(message: Message, url: str) -> Request:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable() or " " in url:
        raise HuskiesError("the address cannot be used", hint="Write https://HOST/PATH.", code="config_error")
    target = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
    body = json.dumps(message.to_json()).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "huskies", **authorization_header(parts)}
    return Request(target, data=body, headers=headers, method="POST")
