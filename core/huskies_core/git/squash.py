"""Squash of a story's branch onto the base, in memory: no checkout and no branch changes."""

from dataclasses import dataclass

from huskies_core.errors import HuskiesError
from huskies_core.git.history import last_author
from huskies_core.git.repository import GitError, Repository, split_nul
from huskies_core.merge_results import AlreadyMerged, Conflict, NoCommits


@dataclass(frozen=True)
class Squashed:
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
    env = dict(repo.identity)
    author = last_author(repo, base, head)
    if author is not None and author.name.strip() and author.email.strip():
        env |= {
            "GIT_AUTHOR_NAME": author.name,
            "GIT_AUTHOR_EMAIL": author.email,
            "GIT_AUTHOR_DATE": author.date,
        }
    return repo.git("commit-tree", tree, "-p", base, "-F", "-", stdin=message, env=env)
