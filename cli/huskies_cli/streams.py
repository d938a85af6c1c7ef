"""Writing to stdout and stderr, whatever has become of them. Light: a tick with nothing due pays for it."""

import os
import sys

TYPE_CHECKING = False  # typing takes longer to import than all of this
if TYPE_CHECKING:
    from typing import TextIO


DUMB = ("dumb", "unknown")
"""What TERM says of a terminal that knows no control sequences."""


class ReaderGone(Exception):
    """Whoever read our output has closed it."""


def is_screen(stream: "TextIO") -> bool:
    """Whether it is a terminal on which the cursor can be moved."""
    return stream.isatty() and os.environ.get("TERM", "") not in ("", *DUMB)


def write_line(stream: "TextIO", text: str) -> None:
    """Raises ReaderGone when nobody reads `stream` any more."""
    write_text(stream, f"{text}\n")


def write_text(stream: "TextIO", text: str) -> None:
    """As `write_line`, without the end of the line."""
    try:
        stream.write(encodable(text, stream.encoding or "utf-8"))
        stream.flush()
    except BrokenPipeError as error:
        _mute(stream)
        raise ReaderGone from error
    except OSError:
        _mute(stream)
        raise


def tell(text: str) -> None:
    """One line on stderr. Where that takes nothing, nobody can be told, and the exit code alone says how it went."""
    try:
        write_line(sys.stderr, text)
    except (ReaderGone, OSError):
        return


def encodable(text: str, encoding: str) -> str:
    """A locale without our marks, or a path that is no text, must not fail a command that did its work."""
    return text.encode(encoding, "replace").decode(encoding)


def _mute(stream: "TextIO") -> None:
    """Sends nowhere what is still buffered, so that the interpreter does not complain when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
