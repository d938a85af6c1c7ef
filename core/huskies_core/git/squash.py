"""Squash of a story's branch onto the base, in memory: no checkout and no branch changes."""

from msgspec import Struct

from huskies_core.errors import HuskiesError
from huskies_core.git.repository import GitError, Repository, split_nul
from huskies_core.merge_results import AlreadyMerged, Conflict, NoCommits


class Squashed(Struct, frozen=True):
    """A commit on top of the base tip. No ref leads to it until it lands."""

    commit: str
    tree: str


Squash = Squashed | Conflict | AlreadyMerged | NoCommits


def squash(repo: Repository, *, branch: str, tip: str, message: str, born: str | None = None) -> Squash:
    """Merge `branch` into the base tip `tip` and create one commit of the result, by the branch's last author.

    `born` is the commit that the branch was created at. A branch that is still there has no commits; it is not merged.
    Raise HuskiesError `missing_branch` when the branch does not exist.
    """
    head, base = repo.branch_tip(branch), repo.commit_id(tip)
    if head is None or base is None:
        missing = f"branch {branch}" if head is None else f"commit {tip}"
        raise HuskiesError(f"{missing} does not exist", code="missing_branch", subject=branch)
    if repo.is_ancestor(head, base):
        has_no_commits = born is not None and repo.is_ancestor(head, born)
        return NoCommits() if has_no_commits else AlreadyMerged(head)
    tree, conflicts = _merge_trees(repo, base, head)
    if conflicts is not None:
        return Conflict(conflicts)
    if tree == repo.tree_id(base):
        return NoCommits()
    return Squashed(_create_commit(repo, base=base, head=head, tree=tree, message=message), tree)


def _merge_trees(repo: Repository, base: str, head: str) -> tuple[str, tuple[str, ...] | None]:
    """Return the tree of the merge, and the files in conflict or None.

    Both ids must be commits: git exits with 1 for a conflict and for an invalid name alike.
    """
    result = repo.run("merge-tree", "--write-tree", "--no-messages", "--name-only", "-z", base, head)
    if result.status not in (0, 1):
        raise GitError("merge-tree", result.status, result.stderr)
    tree, *files = split_nul(result.stdout)
    return tree, tuple(sorted(set(files) - {""})) if result.status else None


def _create_commit(repo: Repository, *, base: str, head: str, tree: str, message: str) -> str:
    author = author_variables(repo, base, head)
    is_named = all(map(str.strip, author.values()))  # git refuses a commit of an author without a name
    env = {**repo.identity, **author} if is_named else repo.identity
    return repo.git("commit-tree", tree, "-p", base, "-F", "-", stdin=message, env=env)


def author_variables(repo: Repository, base: str, head: str) -> dict[str, str]:
    """Return the author of the newest commit of `head` that `base` lacks and that is no merge, as variables of git."""
    selection = ("--no-merges", "--max-count=1", "--date=raw", head, f"^{base}", "--")
    output = repo.git("log", "--no-show-signature", "--format=%an%x00%ae%x00%ad", *selection)
    names = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_AUTHOR_DATE")
    return dict(zip(names, output.split("\0"), strict=True)) if output else {}
