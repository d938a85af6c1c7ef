"""Where a new key goes in a file that people laid out: below its commented-out default, else below its neighbours.

tomlkit puts it in front of the next table, after the comment that belongs to that table.
"""

import re

_HEADER = re.compile(r"^\s*\[")
_NOTHING = re.compile(r"^\s*(#|$)")


def insert_line(text: str, table: str, key: str, line: str) -> str | None:
    """`text` with `line` for the new `key` of `[table]` (of no table: the top); None where there is no such table.

    Looks at lines, not at TOML: whoever calls it compares what the result means.
    """
    lines = text.split("\n")
    begin = _line_after_header(lines, table) if table else 0
    if begin is None:
        return None
    end = next((at for at in range(begin, len(lines)) if _HEADER.match(lines[at])), len(lines))
    at = _place(lines, begin, end, key)
    return "\n".join([*lines[:at], line, *lines[at:]])


def _line_after_header(lines: list[str], table: str) -> int | None:
    header = re.compile(rf"^\s*\[\s*{re.escape(table)}\s*\]")
    return next((at + 1 for at, line in enumerate(lines) if header.match(line)), None)


def _place(lines: list[str], begin: int, end: int, key: str) -> int:
    """The index at which the line of `key` belongs among those from `begin` to `end`."""
    commented = re.compile(rf"^\s*#\s*{re.escape(key)}\s*=")
    defaults = [at + 1 for at in range(begin, end) if commented.match(lines[at])]
    neighbours = [at + 1 for at in range(begin, end) if not _NOTHING.match(lines[at])]
    return (defaults or neighbours or [_below_opening(lines, begin, end)])[-1]


def _below_opening(lines: list[str], begin: int, end: int) -> int:
    """Below the comment that opens the file or table, where a blank line parts it from the rest."""
    at = begin
    while at < end and lines[at].startswith("#"):
        at += 1
    return at if at < end and not lines[at].strip() else begin
