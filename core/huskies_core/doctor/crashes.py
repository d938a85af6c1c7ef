"""Crash reports without the words that a person typed or that an exception repeats."""

import ast
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

_MOST = 20
_LARGEST_BYTES = 1 << 20
_ARGUMENTS = "arguments: "
_FRAME = re.compile(r'\s+File "([^"]*)", line (\d+), in ([\w<>.]+)')
_OPTION = re.compile(r"--?[a-z][a-z-]*")
_KNOWN_FOLDERS = ("huskies_c", "python3", "site-packages")
_ERROR = re.compile(r"[A-Za-z_][\w.]*")


@dataclass(frozen=True)
class Crash:
    """`options` are the flags of its command line, `frames` where it was, `errors` the classes of what was raised."""

    report: str
    options: tuple[str, ...]
    frames: tuple[str, ...]
    errors: tuple[str, ...]


def read_crashes(state_dir: Path) -> Iterator[dict[str, object]]:
    """The newest ones."""
    found = [path for path in (state_dir / "crash").glob("*.txt") if path.is_file()]
    newest = sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)
    return (asdict(_crash(path)) for path in newest[:_MOST] if path.stat().st_size < _LARGEST_BYTES)


def _crash(path: Path) -> Crash:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    frames = tuple(_where(found) for line in lines if (found := _FRAME.fullmatch(line)))
    return Crash(path.name, tuple(_options(lines[:1])), frames, tuple(_errors(lines)))


def _where(found: re.Match[str]) -> str:
    """Of the path what tells the module: a folder before it may be called after a person or a customer."""
    parts = found[1].split("/")
    known = (at for at, part in enumerate(parts) if part.startswith(_KNOWN_FOLDERS))
    return f"{'/'.join(parts[next(known, -1) :])}:{found[2]} {found[3]}"


def _options(first: list[str]) -> Iterator[str]:
    if not (first and first[0].startswith(_ARGUMENTS)):
        return
    try:
        words = ast.literal_eval(first[0].removeprefix(_ARGUMENTS))
    except (ValueError, SyntaxError):
        return
    yield from (option[0] for word in words if (option := _OPTION.match(str(word))))


def _errors(lines: list[str]) -> Iterator[str]:
    """What follows a frame, and the line of source with its marks below it, at the margin. A message may have several
    lines, and none of them is taken for the next error."""
    in_frames = False
    for line in lines:
        if _FRAME.fullmatch(line):
            in_frames = True
        elif in_frames and line and not line.startswith(" "):
            in_frames = False
            found = _ERROR.match(line)
            yield found[0] if found else "?"
