"""Worktrees of stories, read from files without git: a pass looks at a thousand at once."""

import os
from collections.abc import Iterable
from pathlib import Path

from huskies_core.git.repository import Checkout
from huskies_core.ids import StoryId
from huskies_core.project import Project
from huskies_core.sanitize import is_number

MADE = "huskies-made"
"""File in the admin directory of a complete worktree. It contains the story's number."""
TRASH = ".trash"
_NOTES = ".making"
_MOST_BYTES = 1 << 16


def branch_of(story: StoryId) -> str:
    return f"feature/story-{story}"


def is_made(project: Project, story: StoryId) -> bool:
    """Return whether the story's worktree exists and is complete."""
    return _is_made(str(project.worktree(story)), story, str(project.git_dir / "worktrees"))


def made_worktrees(project: Project) -> frozenset[StoryId]:
    """Return the stories with a complete worktree."""
    admins = str(project.git_dir / "worktrees")
    return frozenset(story for path, story in _story_folders(project) if _is_made(path, story, admins))


def present_worktrees(project: Project) -> frozenset[StoryId]:
    """Return the stories that have a worktree: complete, partly created or partly removed.

    A mark in an admin directory counts as well: a person may have deleted the folder.
    """
    marks = (_read(str(mark)).strip() for mark in (project.git_dir / "worktrees").glob(f"*/{MADE}"))
    registered = (StoryId(int(text)) for text in marks if is_number(text))
    return frozenset((*registered, *(story for _, story in _story_folders(project))))


def checkout_of(project: Project, story: StoryId) -> Checkout | None:
    """Return the story's worktree if git has a record of it. Its folder may be missing."""
    path = project.worktree(story)
    git_dir = registration_of(project, path)
    return None if git_dir is None else Checkout(path, git_dir)


def present_checkout_of(project: Project, story: StoryId) -> Checkout | None:
    """Return the story's worktree if git has a record of it and its folder exists."""
    checkout = checkout_of(project, story)
    return checkout if checkout is not None and checkout.path.is_dir() else None


def registration_of(project: Project, path: Path) -> Path | None:
    """Return the admin directory with a record of `path`.

    Git names the directory after the last part of the path, or similarly, so the directory of that name is read first.
    """
    pointed = _linked_git_dir(str(path))
    likely = project.git_dir / "worktrees" / (path.name if pointed is None else os.path.basename(pointed))
    real = os.path.realpath(path)
    if _recorded_path(likely) == real:
        return likely
    return next((item.git_dir for item in linked_worktrees(project) if str(item.path) == real), None)


def linked_worktrees(project: Project) -> tuple[Checkout, ...]:
    """Return the linked worktrees in git's records. Their folders may be missing."""
    admins = project.git_dir / "worktrees"
    paths = {admin: _recorded_path(admin) for admin in sorted(admins.glob("*"))}
    return tuple(Checkout(Path(path), admin) for admin, path in paths.items() if path is not None)


def occupied_worktrees(project: Project, stories: Iterable[StoryId]) -> frozenset[StoryId]:
    """Return the stories with a path that exists or is in git's records. Read the records once for all of them."""
    recorded = {str(worktree.path) for worktree in linked_worktrees(project)}
    folder = os.path.realpath(project.worktrees_dir)
    return frozenset(
        story for story in stories if f"{folder}/{story}" in recorded or os.path.lexists(f"{folder}/{story}")
    )


def creation_note(project: Project, story: StoryId) -> Path:
    """Return the path of the note that the story's branch is being created. It contains the first commit."""
    return project.worktrees_dir / _NOTES / str(story)


def mark_made(checkout: Checkout, story: StoryId) -> None:
    """Mark the worktree as complete. The rename makes the mark appear at once or not at all."""
    new_mark = checkout.git_dir / f"{MADE}.new"
    new_mark.write_text(f"{story}\n")
    new_mark.replace(checkout.git_dir / MADE)


def _story_folders(project: Project) -> list[tuple[str, StoryId]]:
    try:
        with os.scandir(project.worktrees_dir) as entries:
            return [(entry.path, StoryId(int(entry.name))) for entry in entries if is_number(entry.name)]
    except FileNotFoundError:
        return []


def _is_made(path: str, story: StoryId, admins: str) -> bool:
    admin = _linked_git_dir(path)
    if admin is None or admin.rpartition("/")[0] != admins:
        return False
    return _read(f"{admin}/{MADE}") == f"{story}\n"


def _linked_git_dir(path: str) -> str | None:
    """Return the target of the worktree's `.git` file. With many worktrees, strings take a third of `Path`'s time."""
    pointer = _read(f"{path}/.git")
    if not pointer.startswith("gitdir: "):
        return None
    target = pointer.removeprefix("gitdir: ").rstrip("\n")
    return os.path.normpath(target if target.startswith("/") else f"{path}/{target}")


def _recorded_path(admin: Path) -> str | None:
    record = _read(f"{admin}/gitdir").rstrip("\n")
    return os.path.realpath((admin / record).parent) if record else None


def _read(path: str) -> str:
    """Return the text of a small file, or "" if it does not exist."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    try:
        return os.read(descriptor, _MOST_BYTES).decode("utf-8", "surrogateescape")
    except IsADirectoryError:
        return ""
    finally:
        os.close(descriptor)
