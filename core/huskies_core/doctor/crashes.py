"""Crash reports without words that a person typed or an exception quotes."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

_MOST = 20
_LARGEST_BYTES = 1 << 20
_ARGUMENTS = "arguments: "
_FRAME = re.compile(r'\s+File "([^"]*)", line (\d+), in ([\w<>.]+)')
_OPTION = re.compile(r"--?[a-z][a-z-]*")
_KNOWN_FOLDERS = ("huskies_c", "python3", "site-packages")
_ERROR = re.compile(r"[A-Za-z_][\w.]*")


def read_crashes(state_dir: Path) -> Iterator[dict[str, object]]:
    """Yield the newest reports: flags of the command line, stack frames and classes of exceptions."""
    paths = [path for path in (state_dir / "crash").glob("*.txt") if path.is_file()]
    paths.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in paths[:_MOST]:
        if path.stat().st_size < _LARGEST_BYTES:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            yield {
                "report": path.name,
                "options": tuple(_options(lines[:1])),
                "frames": tuple(_frame(match) for line in lines if (match := _FRAME.fullmatch(line))),
                "errors": tuple(_errors(lines)),
            }


def _frame(match: re.Match[str]) -> str:
    """Return module path, line and function. Outer folders are omitted: they may have the names of people."""
    parts = match[1].split("/")
    known = (at for at, part in enumerate(parts) if part.startswith(_KNOWN_FOLDERS))
    return f"{'/'.join(parts[next(known, -1) :])}:{match[2]} {match[3]}"


def _options(first: list[str]) -> Iterator[str]:
    if not (first and first[0].startswith(_ARGUMENTS)):
        return
    try:
        words = ast.literal_eval(first[0].removeprefix(_ARGUMENTS))
    except (ValueError, SyntaxError):
        return
    yield from (option[0] for word in words if (option := _OPTION.match(str(word))))


def _errors(lines: list[str]) -> Iterator[str]:
    """Yield the class in the first line at the margin after the frames. Other lines of a message are not read."""
    in_frames = False
    for line in lines:
        if _FRAME.fullmatch(line):
            in_frames = True
        elif in_frames and line and not line.startswith(" "):
            in_frames = False
            match = _ERROR.match(line)
            yield match[0] if match else "?"
