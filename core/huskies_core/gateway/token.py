"""The one-time token that opens a line."""

import json
from urllib import request
from urllib.request import OpenerDirector, Request

from huskies_core.gateway.address import Gateway
from huskies_core.gateway.trouble import explained, trouble

MOST_BYTES = 65536


def take_token(gateway: Gateway, timeout: float) -> str:
    """Asks the gateway for a token, `timeout` seconds at most for each step. Raises HuskiesError `gateway`."""
    asked = Request(gateway.tokens_url, data=b"", headers=dict(gateway.headers), method="POST")
    with explained("no token"), _opener().open(asked, timeout=timeout) as response:
        answer = json.loads(response.read(MOST_BYTES))
    token = answer.get("token") if isinstance(answer, dict) else None
    if not isinstance(token, str) or not token:
        raise trouble("no token: there is none in its answer")
    return token


def _opener() -> OpenerDirector:
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
