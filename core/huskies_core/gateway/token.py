"""The one-time token that opens a line."""

import json
from urllib.request import Request

from huskies_core.gateway.address import Gateway
from huskies_core.gateway.errors import explained, trouble
from huskies_core.http import opener

MOST_BYTES = 65536


def take_token(gateway: Gateway, timeout: float) -> str:
    """Asks the gateway for a token, `timeout` seconds at most for each step. Raises HuskiesError `gateway`."""
    asked = Request(gateway.tokens_url, data=b"", headers=dict(gateway.headers), method="POST")
    with explained("no token"), opener().open(asked, timeout=timeout) as response:
        answer = json.loads(response.read(MOST_BYTES))
    token = answer.get("token") if isinstance(answer, dict) else None
    if not isinstance(token, str) or not token:
        raise trouble("no token: there is none in its answer")
    return token
