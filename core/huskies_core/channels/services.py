"""The services of the package apprise, which is imported only to send because that is slow."""

import logging
from importlib.util import find_spec

from huskies_core.channels.channel import channel_error
from huskies_core.channels.message import Message

MISSING = "the package apprise is not installed"
INSTALL = "Install huskies with the extra notify: pip install 'huskies[notify]'."


def is_installed() -> bool:
    return find_spec("apprise") is not None


def send(message: Message, url: str) -> None:
    try:
        import apprise
    except ImportError as error:
        raise channel_error(MISSING, INSTALL) from error
    # Its log messages can contain the whole address.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    service = apprise.Apprise()
    if not service.add(url):
        raise channel_error("apprise does not accept the address", "See its documentation of the service.")
    if not service.notify(body=message.text, title=message.title, body_format=apprise.NotifyFormat.TEXT):
        raise channel_error(
            "the service did not accept the message", "Run 'apprise -vv' with the same address."
        )
