"""What goes wrong between here and the gateway, in words that hold neither its address nor a token."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException

from huskies_core.errors import HuskiesError
from huskies_core.http import fact_of


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Raises HuskiesError `gateway` in place of what the network raises; `doing` is what was tried.

    What it replaces is not kept as a cause: the texts of those errors can name the whole address.
    """
    try:
        yield
    except (OSError, EOFError, ValueError, HTTPException) as error:
        fact = fact_of(error)
    else:
        return
    raise trouble(f"{doing}: {fact}") from None


def trouble(fact: str) -> HuskiesError:
    return HuskiesError(
        f"gateway: {fact}",
        hint="What is to be sent stays in the journal; it is tried again after a while.",
        code="gateway",
    )
