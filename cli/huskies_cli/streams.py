"""Write to stdout and stderr, which may be closed or full. An idle tick loads this module, so it imports little."""

import os
import sys

TYPE_CHECKING = False  # importing typing takes longer than the rest
if TYPE_CHECKING:
    from typing import TextIO


DUMB = ("dumb", "unknown")
"""The values of TERM for terminals without control sequences."""


class ReaderClosed(Exception):
    """The reader of stdout or stderr closed its end."""


def is_screen(stream: "TextIO") -> bool:
    """Return whether the stream is a terminal with a movable cursor."""
    return stream.isatty() and os.environ.get("TERM", "") not in ("", *DUMB)


def shows_colours(stream: "TextIO") -> bool:
    """Return whether text for the stream has colours. Variables that demand colours have no effect."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") not in DUMB


def write_line(stream: "TextIO", text: str) -> None:
    """Write a line. Raise ReaderClosed if the reader closed its end."""
    write_text(stream, f"{text}\n")


def write_text(stream: "TextIO", text: str) -> None:
    """Write text. Raise ReaderClosed if the reader closed its end."""
    try:
        stream.write(encodable(text, stream.encoding or "utf-8"))
        stream.flush()
    except BrokenPipeError as error:
        _mute(stream)
        raise ReaderClosed from error
    except OSError:
        _mute(stream)
        raise


def print_message(text: str) -> None:
    """Write a line to stderr. If that fails, only the exit code reports the result."""
    try:
        write_line(sys.stderr, text)
    except (ReaderClosed, OSError):
        return


def encodable(text: str, encoding: str) -> str:
    """Return the text with a replacement for each character that the encoding lacks."""
    return text.encode(encoding, "replace").decode(encoding)


def _mute(stream: "TextIO") -> None:
    """Send buffered text to /dev/null, so that the interpreter reports no error at its end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
