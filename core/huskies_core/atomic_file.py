"""Atomic replacement of a file."""

import contextlib
import os
from _thread import get_native_id


def replace_file(path: str, content: bytes, *, durable: bool = False) -> None:
    """Replace the file at `path` by `content`, readable by its owner only. With `durable`, sync it to the disk.

    Threads may write the same file at once, as those of the MCP server do. A process that dies here leaves a `.new`
    file beside it, which is deleted with the run's directory.
    """
    new = f"{path}.{get_native_id()}.new"
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
    except OSError:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(new)
        raise
    os.replace(new, path)
    if durable:
        sync_folder(os.path.dirname(path))


def sync_folder(path: str) -> None:
    """Sync a folder to the disk, so that a rename in it survives a power failure."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
