"""The place of a new key in a laid-out file: below its commented-out default, else below the other keys.

tomlkit inserts it before the next table, after the comment of that table.
"""

import re

_HEADER = re.compile(r"^\s*\[")
_BLANK_OR_COMMENT = re.compile(r"^\s*(#|$)")


def insert_line(text: str, table: str, key: str, line: str) -> str | None:
    """Return `text` with `line` for the new `key` of `[table]`, or of the top if `table` is empty.

    Return None if the text lacks the table. Works on lines, not on TOML: the caller must compare the parsed result.
    """
    lines = text.split("\n")
    begin: int | None = 0
    if table:
        header = re.compile(rf"^\s*\[\s*{re.escape(table)}\s*\]")
        begin = next((at + 1 for at, content in enumerate(lines) if header.match(content)), None)
    if begin is None:
        return None
    end = next((at for at in range(begin, len(lines)) if _HEADER.match(lines[at])), len(lines))
    commented = re.compile(rf"^\s*#\s*{re.escape(key)}\s*=")
    defaults = [at + 1 for at in range(begin, end) if commented.match(lines[at])]
    keys = [at + 1 for at in range(begin, end) if not _BLANK_OR_COMMENT.match(lines[at])]
    at = (defaults or keys or [_below_opening(lines, begin, end)])[-1]
    return "\n".join([*lines[:at], line, *lines[at:]])


def _below_opening(lines: list[str], begin: int, end: int) -> int:
    """Return the index below the opening comment of the file or table, if a blank line follows the comment."""
    at = begin
    while at < end and lines[at].startswith("#"):
        at += 1
    return at if at < end and not lines[at].strip() else begin
