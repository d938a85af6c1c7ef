"""Puts files into a checkout and takes them out, never through a link and never over a folder that holds something."""

import os
import shutil
from pathlib import Path

_CHUNK = 1 << 20


def is_there(root: Path, path: str) -> bool:
    """Whether there is a file or link at `path`; behind a link, or in a file's place, there is none."""
    return _is_reached_plainly(root, path) and os.path.lexists(root / path) and not _is_folder(root / path)


def begins(here: Path, whole: Path) -> bool:
    """Whether `here` has the bytes of `whole`, or its first ones; of links, whether they lead to the same."""
    if here.is_symlink() or whole.is_symlink():
        return here.is_symlink() and whole.is_symlink() and here.readlink() == whole.readlink()
    if not here.is_file() or not whole.is_file():
        return False
    with here.open("rb") as part, whole.open("rb") as full:
        while chunk := part.read(_CHUNK):
            if full.read(len(chunk)) != chunk:
                return False
    return True


def take_away(root: Path, path: str) -> None:
    """Removes the file, and the folders that are empty without it."""
    if not is_there(root, path):
        return
    (root / path).unlink()
    for parent in Path(path).parents[:-1]:
        if any((root / parent).iterdir()):
            return
        (root / parent).rmdir()


def put(root: Path, path: str, wanted: Path) -> bool:
    """Whether `path` could be made what `wanted` is. Killed meanwhile, it leaves the beginning of the file."""
    here = root / path
    if not _make_folders(root, path) or (_is_folder(here) and any(here.iterdir())):
        return False
    if _is_folder(here):
        here.rmdir()
    here.unlink(missing_ok=True)
    shutil.copy(wanted, here, follow_symlinks=False)
    return True


def _make_folders(root: Path, path: str) -> bool:
    for parent in reversed(Path(path).parents[:-1]):
        if not os.path.lexists(root / parent):
            (root / parent).mkdir()
        elif not _is_folder(root / parent):
            return False
    return True


def _is_reached_plainly(root: Path, path: str) -> bool:
    return all(_is_folder(root / parent) for parent in Path(path).parents[:-1])


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
