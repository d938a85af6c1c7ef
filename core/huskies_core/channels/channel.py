"""A notification channel."""

from collections.abc import Callable
from dataclasses import dataclass, field

from huskies_core.channels.message import Message
from huskies_core.errors import HuskiesError

STEP_SECS = 30.0
"""The time limit of one step of a channel: a connection, an answer, a program."""


@dataclass(frozen=True)
class Channel:
    """A channel with a unique `name`.

    `send` returns when the message was delivered or accepted. It raises HuskiesError without secrets in its texts.
    """

    name: str
    send: Callable[[Message], None] = field(repr=False)


def channel_error(fact: str, hint: str = "") -> HuskiesError:
    return HuskiesError(fact, hint=hint, code="channel")
