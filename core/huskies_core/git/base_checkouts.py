"""Where the base branch is checked out, and what git has under way there."""

from collections.abc import Iterator
from pathlib import Path

from huskies_core.git.repository import HEADS, Checkout, Repository

_UNDER_WAY = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "sequencer/todo": "a cherry-pick or revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase or am",
}


def all_checkouts(repo: Repository) -> Iterator[Checkout]:
    """The main checkout and every linked one whose directory is there."""
    yield repo.main
    admins = repo.project.git_dir / "worktrees"
    for admin in sorted(admins.iterdir()) if admins.is_dir() else ():
        record = admin / "gitdir"
        pointer = record.read_text(errors="surrogateescape").strip() if record.is_file() else ""
        path = (admin / pointer).parent
        if pointer and path.is_dir():
            yield Checkout(path, admin)


def base_checkouts(repo: Repository, base_branch: str) -> tuple[Checkout, ...]:
    """The checkouts whose HEAD is the branch: git lets several have it when it is forced to.

    Only candidates are asked: a story's HEAD file names another branch, and there are many stories.
    """
    candidates = (place for place in all_checkouts(repo) if _may_be_on(place, base_branch))
    return tuple(place for place in candidates if repo.checked_out_branch(place) == base_branch)


def _may_be_on(place: Checkout, base_branch: str) -> bool:
    """Whether the HEAD file names the branch, or does not tell (a link, or another store for refs)."""
    head = place.git_dir / "HEAD"
    if head.is_symlink() or not head.is_file():
        return True
    named = head.read_text(errors="surrogateescape").strip().removeprefix("ref: ")
    return named in (HEADS + base_branch, HEADS + ".invalid")


def under_way(place: Checkout) -> str | None:
    """What git began in this checkout and has not ended, in words."""
    return next((what for name, what in _UNDER_WAY.items() if (place.git_dir / name).exists()), None)


def rebased_in(repo: Repository, base_branch: str) -> Path | None:
    """The checkout where the branch is being rebased: its HEAD is detached meanwhile."""
    for place in all_checkouts(repo):
        for folder in ("rebase-merge", "rebase-apply"):
            name = place.git_dir / folder / "head-name"
            if name.is_file() and name.read_text().strip() == HEADS + base_branch:
                return place.path
    return None
