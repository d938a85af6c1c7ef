"""Read the history: files at a commit, commits of a branch, the last author."""

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
    """An author in git's own format: `date` is seconds since 1970 and the offset from UTC."""

    name: str
    email: str
    date: str


def text_at(repo: Repository, commit: str, path: str) -> str | None:
    """Return the text of the file `path` (from the repository's root) at `commit`, or None without such a file.

    Raise GitError when `commit` does not exist: a missing base is not a missing file.
    """
    entry = repo.git("ls-tree", "-z", "--full-tree", commit, "--", path, env={"GIT_LITERAL_PATHSPECS": "1"})
    head, _, listed_path = entry.removesuffix("\0").partition("\t")
    if listed_path != path or not head.startswith("100"):
        return None
    result = repo.run("cat-file", "blob", head.split(" ")[2])
    if result.status:
        raise GitError("cat-file", result.status, result.stderr)
    return result.stdout


def resolve_commit(repo: Repository, name: str) -> str | None:
    """Return the full id of a commit: `name` is an id or its beginning, a branch, a tag, or HEAD of the main checkout.

    Return None when git knows no such commit, or more than one.
    """
    result = repo.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    commit = result.stdout.strip()
    return commit if result.status == 0 and re.fullmatch("[0-9a-f]{40,64}", commit) else None


def is_on_base(repo: Repository, commit: str, base_branch: str) -> bool:
    """Return whether the branch `base_branch` contains `commit`, and False when either does not exist."""
    known, tip = repo.commit_id(commit), repo.branch_tip(base_branch)
    return known is not None and tip is not None and repo.is_ancestor(known, tip)


def commits_between(repo: Repository, base: str, head: str, *, limit: int = 1000) -> tuple[Commit, ...]:
    """Return the commits of `head` that `base` lacks, newest first, at most `limit`."""
    shape = "--format=" + "%x00".join(_COMMIT_FIELDS)
    selection = (f"--max-count={limit}", shape, head, f"^{base}", "--")
    parts = split_nul(repo.git("log", "-z", "--no-show-signature", *selection))
    width = len(_COMMIT_FIELDS)
    return tuple(_parse_commit(parts[at : at + width]) for at in range(0, len(parts) - width + 1, width))


def _parse_commit(parts: list[str]) -> Commit:
    commit, author, email, seconds, subject = parts
    return Commit(commit, author, email, datetime.fromtimestamp(int(seconds), UTC), subject)


def last_author(repo: Repository, base: str, head: str) -> Author | None:
    """Return the author of the newest commit of `head` that `base` lacks and that is no merge."""
    shape = "--format=%an%x00%ae%x00%ad"
    selection = ("--no-merges", "--max-count=1", "--date=raw", shape, head, f"^{base}", "--")
    output = repo.git("log", "--no-show-signature", *selection)
    return Author(*output.split("\0")) if output else None


def changed_files(repo: Repository, base: str, head: str) -> tuple[str, ...]:
    """Return the paths that `head` changed since its merge base with `base`."""
    options = ("--name-only", "-z", "--no-renames", "--no-ext-diff")
    return tuple(split_nul(repo.git("diff", *options, f"{base}...{head}", "--")))
