"""A way to a person."""

from collections.abc import Callable
from dataclasses import dataclass, field

from huskies_core.channels.message import Message
from huskies_core.errors import HuskiesError

STEP_SECS = 30.0
"""How long one step of a channel may take: a connection, an answer, a program."""


@dataclass(frozen=True)
class Channel:
    """`send` returns when the message is there, or at least was taken. It raises HuskiesError in words that hold no
    secret. `name` is told to people, and is the only one of that name."""

    name: str
    send: Callable[[Message], None] = field(repr=False)


def trouble(fact: str, hint: str = "") -> HuskiesError:
    return HuskiesError(fact, hint=hint, code="channel")
