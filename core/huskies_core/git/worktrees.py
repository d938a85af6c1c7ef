"""Which worktree belongs to which story, read from files alone: a pass asks for a thousand at once."""

import os
from collections.abc import Iterable
from pathlib import Path

from huskies_core.git.repository import Checkout
from huskies_core.project import Project
from huskies_core.sanitize import is_number

MADE = "huskies-made"
_MAKING = ".making"
TRASH = ".trash"
_SMALL = 1 << 16


def branch_of(story: int) -> str:
    return f"feature/story-{story}"


def is_made(project: Project, story: int) -> bool:
    """Whether the story's worktree is there and was made to its end."""
    return _is_made(str(project.worktree(story)), story, str(project.git_dir / "worktrees"))


def made_worktrees(project: Project) -> frozenset[int]:
    """The stories whose worktree is there and was made to its end."""
    admins = str(project.git_dir / "worktrees")
    return frozenset(story for path, story in _directories(project) if _is_made(path, story, admins))


def present_worktrees(project: Project) -> frozenset[int]:
    """The stories that have a worktree, made, half-made or half-removed."""
    return frozenset(story for _, story in _directories(project)) | _registered(project)


def checkout_of(project: Project, story: int) -> Checkout | None:
    """The story's worktree, when this repository has it registered; the directory itself may be gone."""
    path = project.worktree(story)
    git_dir = registration_of(project, path)
    return None if git_dir is None else Checkout(path, git_dir)


def registration_of(project: Project, path: Path) -> Path | None:
    """The admin directory whose record leads to `path`. Git names it after the last part, or near it."""
    admins = project.git_dir / "worktrees"
    pointed = linked_git_dir(path)
    likely = [admins / pointed.name] if pointed is not None else [admins / path.name]
    wanted = os.path.realpath(path)
    others: list[Path] = list(admins.iterdir()) if admins.is_dir() else []
    for admin in (*likely, *others):
        if _recorded_path(admin) == wanted:
            return admin
    return None


def occupied_worktrees(project: Project, stories: Iterable[int]) -> frozenset[int]:
    """Those of the stories whose place is taken, on disk or in git's records: one look for all of them."""
    recorded = recorded_paths(project)
    above = os.path.realpath(project.worktrees_dir)
    return frozenset(
        story for story in stories if f"{above}/{story}" in recorded or os.path.lexists(f"{above}/{story}")
    )


def recorded_paths(project: Project) -> frozenset[str]:
    """Where git has worktrees of this repository by its records, there or not."""
    admins = project.git_dir / "worktrees"
    recorded = (_recorded_path(admin) for admin in (admins.iterdir() if admins.is_dir() else ()))
    return frozenset(path for path in recorded if path is not None)


def linked_git_dir(path: Path) -> Path | None:
    """Where the `.git` file of a linked worktree leads, or None when it has none."""
    admin = _pointed(str(path))
    return None if admin is None else Path(admin)


def creation_note(project: Project, story: int) -> Path:
    """The note that the story's branch is being made, with the commit it starts from."""
    return project.worktrees_dir / _MAKING / str(story)


def mark_made(checkout: Checkout, story: int) -> None:
    """Says that the worktree is whole. A name in a directory appears at once or not at all."""
    written = checkout.git_dir / f"{MADE}.new"
    written.write_text(f"{story}\n")
    written.replace(checkout.git_dir / MADE)


def _directories(project: Project) -> list[tuple[str, int]]:
    try:
        with os.scandir(project.worktrees_dir) as entries:
            return [(entry.path, int(entry.name)) for entry in entries if is_number(entry.name)]
    except FileNotFoundError:
        return []


def _registered(project: Project) -> frozenset[int]:
    """The stories with a mark in an admin directory: the worktree itself may have been deleted by hand."""
    marks = (project.git_dir / "worktrees").glob(f"*/{MADE}")
    return frozenset(int(text) for text in (_read(str(mark)).strip() for mark in marks) if is_number(text))


def _is_made(path: str, story: int, admins: str) -> bool:
    admin = _pointed(path)
    if admin is None or admin.rpartition("/")[0] != admins:
        return False
    return _read(f"{admin}/{MADE}") == f"{story}\n"


def _pointed(path: str) -> str | None:
    """Where the `.git` file leads. Text, not `Path`: a third of the time for a thousand of them."""
    pointer = _read(f"{path}/.git")
    if not pointer.startswith("gitdir: "):
        return None
    target = pointer.removeprefix("gitdir: ").rstrip("\n")
    return os.path.normpath(target if target.startswith("/") else f"{path}/{target}")


def _recorded_path(admin: Path) -> str | None:
    record = _read(f"{admin}/gitdir").rstrip("\n")
    return os.path.realpath((admin / record).parent) if record else None


def _read(path: str) -> str:
    """The text of a small file, "" where there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    try:
        return os.read(descriptor, _SMALL).decode("utf-8", "surrogateescape")
    except IsADirectoryError:
        return ""
    finally:
        os.close(descriptor)
