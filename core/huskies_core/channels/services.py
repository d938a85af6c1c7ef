"""The services that the package apprise knows, each by its address. It takes long to load: only who sends does."""

import logging
from importlib.util import find_spec

from huskies_core.channels.channel import trouble
from huskies_core.channels.message import Message

MISSING = "the package apprise is not installed"
INSTALL = "Install huskies with the extra notify: pip install 'huskies[notify]'."


def is_installed() -> bool:
    return find_spec("apprise") is not None


def send(message: Message, url: str) -> None:
    try:
        import apprise
    except ImportError as error:
        raise trouble(MISSING, INSTALL) from error
    # What it logs can name the whole address.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    service = apprise.Apprise()
    if not service.add(url):
        raise trouble("apprise knows no such address", "Its documentation has those of each service.")
    if not service.notify(body=message.text, title=message.title, body_format=apprise.NotifyFormat.TEXT):
        raise trouble("the service did not take it", "'apprise -vv' with the same address tells more.")
