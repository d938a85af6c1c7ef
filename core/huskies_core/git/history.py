"""What the history says: files at a commit, commits of a branch, who wrote last."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from huskies_core.git.repository import GitError, Repository, split_nul

_COMMIT_FIELDS = ("%H", "%an", "%ae", "%at", "%s")


@dataclass(frozen=True)
class Commit:
    id: str
    author: str
    author_email: str
    authored_at: datetime
    subject: str


@dataclass(frozen=True)
class Author:
    """As git wants it: `date` is seconds since 1970 and the offset from UTC."""

    name: str
    email: str
    date: str


def text_at(repo: Repository, commit: str, path: str) -> str | None:
    """The text of the file `path` (from the repository's root) at `commit`, or None when it has no such file.

    Raises GitError when `commit` does not exist: a missing base is no missing file.
    """
    entry = repo.git("ls-tree", "-z", "--full-tree", commit, "--", path, env={"GIT_LITERAL_PATHSPECS": "1"})
    head, _, found = entry.removesuffix("\0").partition("\t")
    if found != path or not head.startswith("100"):
        return None
    ran = repo.run("cat-file", "blob", head.split(" ")[2])
    if ran.status:
        raise GitError("cat-file", ran.status, ran.stderr)
    return ran.stdout


def resolve_commit(repo: Repository, text: str) -> str | None:
    """The full id of what a person calls `text`: an id or its beginning, a branch, a tag, HEAD of the main checkout.

    None when git knows no such commit, or more than one.
    """
    ran = repo.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{text}^{{commit}}")
    found = ran.stdout.strip()
    return found if ran.status == 0 and re.fullmatch("[0-9a-f]{40,64}", found) else None


def is_on_base(repo: Repository, commit: str, base_branch: str) -> bool:
    """Whether the branch `base_branch` contains `commit`; False when either does not exist."""
    known, tip = repo.commit_id(commit), repo.branch_tip(base_branch)
    return known is not None and tip is not None and repo.is_ancestor(known, tip)


def commits_between(repo: Repository, base: str, head: str, *, limit: int = 1000) -> tuple[Commit, ...]:
    """The commits of `head` that `base` lacks, newest first, at most `limit`."""
    shape = "--format=" + "%x00".join(_COMMIT_FIELDS)
    selection = (f"--max-count={limit}", shape, head, f"^{base}", "--")
    parts = split_nul(repo.git("log", "-z", "--no-show-signature", *selection))
    width = len(_COMMIT_FIELDS)
    return tuple(_commit(parts[at : at + width]) for at in range(0, len(parts) - width + 1, width))


def _commit(parts: list[str]) -> Commit:
    commit, author, email, at, subject = parts
    return Commit(commit, author, email, datetime.fromtimestamp(int(at), UTC), subject)


def last_author(repo: Repository, base: str, head: str) -> Author | None:
    """Who wrote the newest commit of `head` that `base` lacks and that is no merge."""
    shape = "--format=%an%x00%ae%x00%ad"
    selection = ("--no-merges", "--max-count=1", "--date=raw", shape, head, f"^{base}", "--")
    printed = repo.git("log", "--no-show-signature", *selection)
    return Author(*printed.split("\0")) if printed else None


def changed_files(repo: Repository, base: str, head: str) -> tuple[str, ...]:
    """The paths that `head` changed since it left `base`."""
    shape = ("--name-only", "-z", "--no-renames", "--no-ext-diff")
    return tuple(split_nul(repo.git("diff", *shape, f"{base}...{head}", "--")))
