"""Brings the ignored files that `.worktreeinclude` (written like `.gitignore`) names into a new worktree."""

import os
import shutil
from pathlib import Path

from huskies_core.git.repository import Repository, fields
from huskies_core.project import STATE_FOLDER

LIST = ".worktreeinclude"


def included_files(repo: Repository) -> tuple[str, ...]:
    """The ignored files of the main checkout that `.worktreeinclude` names; never any of `.huskies`.

    git itself matches the patterns, so that they mean what they mean in a `.gitignore`.
    """
    listing = repo.project.root / LIST
    if not listing.is_file():
        return ()
    found = repo.git("ls-files", "--others", "--ignored", f"--exclude-from={listing}", "-z")
    wanted = [
        path for path in fields(found) if not (path.endswith("/") or path.startswith(f"{STATE_FOLDER}/"))
    ]
    if not wanted:
        return ()
    ignored = repo.git("check-ignore", "-z", "--stdin", stdin="\0".join(wanted) + "\0", ok=(0, 1))
    return tuple(fields(ignored))


def copy_included(root: Path, files: tuple[str, ...], worktree: Path) -> None:
    """Copies them. What the worktree has already stays; nothing is written through a symbolic link."""
    inside = os.path.realpath(worktree)
    for file in files:
        target = worktree / file
        folder = os.path.realpath(target.parent)
        fits = folder == inside or folder.startswith(inside + os.sep)
        if fits and not os.path.lexists(target) and _is_copyable(root / file):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / file, target, follow_symlinks=False)


def _is_copyable(path: Path) -> bool:
    return path.is_symlink() or path.is_file()
