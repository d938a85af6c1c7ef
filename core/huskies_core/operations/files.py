"""Atomic writes of files."""

import os
from pathlib import Path

from huskies_core.errors import HuskiesError


def write_whole(path: Path, text: str) -> None:
    """Replace `path` atomically and keep its mode. A crash leaves a hidden temporary file beside it.

    Raise HuskiesError `not_a_file` if the path, or the target of a link, is no regular file: root could replace
    /dev/null.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        name = str(path) if str(target) == os.path.abspath(path) else f"{path} is a link to {target}, which"
        hint = "Choose another path, or remove it."
        raise HuskiesError(f"{name} is not a regular file", hint=hint, code="not_a_file", subject=str(path))
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            beside.chmod(target.stat().st_mode)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
