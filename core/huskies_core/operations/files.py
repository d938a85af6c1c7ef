"""Writing files that are whole or not there."""

import os
from pathlib import Path

from huskies_core.errors import HuskiesError


def write_whole(path: Path, text: str) -> None:
    """Replaces `path` at once, its mode kept; killed before, it leaves a hidden temporary file beside it.

    Raises HuskiesError `not_a_file` where something else has the name, be it by a link: root could replace /dev/null.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        where = str(path) if str(target) == os.path.abspath(path) else f"{path} leads to {target}, which"
        hint = "Name another, or remove it."
        raise HuskiesError(f"{where} is no file", hint=hint, code="not_a_file", subject=str(path))
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
