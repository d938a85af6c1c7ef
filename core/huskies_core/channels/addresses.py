"""The channels with an address: a webhook, and the services of the package apprise.

`${NAME}` in an address keeps a secret out of the committed config.
"""

import json
import re
from collections.abc import Mapping
from importlib.util import find_spec

from huskies_core.channels.message import STEP_SECS, Message, channel_error
from huskies_core.errors import HuskiesError

APPRISE_MISSING = "the package apprise is not installed"
APPRISE_INSTALL = "Install huskies with the extra notify: pip install 'huskies[notify]'."
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def names_in(text: str) -> tuple[str, ...]:
    return tuple(_VARIABLE.findall(text))


def unset(name: str) -> tuple[str, str]:
    """Return the message and the hint for a name without a value."""
    hint = f"Add the line {name}=VALUE to that file, which only you can read (mode 0600)."
    return f"{name} is not set in .huskies/env", hint


def with_values(text: str, values: Mapping[str, str]) -> str:
    """Return `text` with each `${NAME}` replaced by its value. Raise HuskiesError `config_error` if one is missing."""
    for name in names_in(text):
        if not values.get(name):
            fact, hint = unset(name)
            raise HuskiesError(fact, hint=hint, code="config_error", subject=name)
    return _VARIABLE.sub(lambda match: values[match[1]], text)


def post(message: Message, url: str, within: float = STEP_SECS) -> None:
    """Post the message as JSON. Each step may take `within` seconds. User and password of `url` become a header.

    Any 2xx answer is a success. Redirects are not followed.
    """
    from http.client import HTTPException
    from urllib.parse import urlsplit, urlunsplit
    from urllib.request import Request

    from huskies_core.http import authorization_header, describe_failure, make_opener

    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable() or " " in url:
            hint = "Write https://HOST/PATH."
            raise HuskiesError("the address cannot be used", hint=hint, code="config_error")
        target = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
        body = json.dumps(message.to_json()).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "huskies", **authorization_header(parts)}
        request = Request(target, data=body, headers=headers, method="POST")
        with make_opener().open(request, timeout=within):
            return
    except (OSError, EOFError, ValueError, HTTPException) as error:
        fact = describe_failure(error)
    raise channel_error(fact) from None


def has_apprise() -> bool:
    """Return whether the package apprise is installed. Importing it is slow."""
    return find_spec("apprise") is not None


def send_by_apprise(message: Message, url: str) -> None:
    try:
        import apprise
    except ImportError as error:
        raise channel_error(APPRISE_MISSING, APPRISE_INSTALL) from error
    import logging

    # Its log messages can contain the whole address.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    service = apprise.Apprise()
    if not service.add(url):
        raise channel_error(
            "apprise does not accept the address", "See the documentation of the service in Apprise."
        )
    if not service.notify(body=message.text, title=message.title, body_format=apprise.NotifyFormat.TEXT):
        hint = "Run 'apprise -vv' with the same address."
        raise channel_error("the service did not accept the message", hint)
