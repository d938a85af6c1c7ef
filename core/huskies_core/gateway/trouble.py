"""What goes wrong between here and the gateway, in words that hold neither its address nor a token."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from urllib.error import HTTPError, URLError

from huskies_core.errors import HuskiesError


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Raises HuskiesError `gateway` in place of what the network raises; `doing` is what was tried.

    What it replaces is not kept as a cause: the texts of those errors can name the whole address.
    """
    try:
        yield
    except (OSError, EOFError, ValueError, HTTPException) as error:
        fact = _fact(error)
    else:
        return
    raise trouble(f"{doing}: {fact}") from None


def trouble(fact: str) -> HuskiesError:
    return HuskiesError(
        f"gateway: {fact}",
        hint="What is to be sent stays in the journal; it is tried again after a while.",
        code="gateway",
    )


def _fact(error: Exception) -> str:
    if isinstance(error, HTTPError):
        error.close()
        return f"it answered {error.code}"
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return type(reason).__name__
