"""Squashes a story's branch onto the base in memory: no checkout is touched, no branch moves."""

from dataclasses import dataclass

from huskies_core.errors import HuskiesError
from huskies_core.git.history import last_author
from huskies_core.git.repository import GitError, Repository, split_nul
from huskies_core.merge_results import AlreadyMerged, Conflict, NoCommits


@dataclass(frozen=True)
class Squashed:
    """A commit on top of the base tip; nothing leads to it until it lands."""

    commit: str
    tree: str


Squash = Squashed | Conflict | AlreadyMerged | NoCommits


def squash(repo: Repository, *, branch: str, tip: str, message: str, born: str | None = None) -> Squash:
    """Merges `branch` into the base tip `tip` and makes one commit of it, by the branch's last author.

    `born` is the commit that the branch was made from: one that never got beyond it is empty, not merged.
    Raises HuskiesError `missing_branch` when there is no such branch.
    """
    head, base = repo.branch_tip(branch), repo.commit_id(tip)
    if head is None or base is None:
        missing = f"branch {branch}" if head is None else f"commit {tip}"
        raise HuskiesError(f"there is no {missing}", code="missing_branch", subject=branch)
    if repo.is_ancestor(head, base):
        unborn = born is not None and repo.is_ancestor(head, born)
        return NoCommits() if unborn else AlreadyMerged(head)
    tree, conflicts = _merged_tree(repo, base, head)
    if conflicts is not None:
        return Conflict(conflicts)
    if tree == repo.tree_id(base):
        return NoCommits()
    return Squashed(_commit(repo, base=base, head=head, tree=tree, message=message), tree)


def _merged_tree(repo: Repository, base: str, head: str) -> tuple[str, tuple[str, ...] | None]:
    """The tree of the merge, and the files in conflict if there are any.

    Both ids are known to be commits: git exits with 1 for a conflict and for a bad name alike.
    """
    ran = repo.run("merge-tree", "--write-tree", "--no-messages", "--name-only", "-z", base, head)
    if ran.status not in (0, 1):
        raise GitError("merge-tree", ran.status, ran.stderr)
    tree, *files = split_nul(ran.stdout)
    return tree, tuple(sorted(set(files) - {""})) if ran.status else None


def _commit(repo: Repository, *, base: str, head: str, tree: str, message: str) -> str:
    env = dict(repo.identity)
    author = last_author(repo, base, head)
    if author is not None and author.name.strip() and author.email.strip():
        env |= {
            "GIT_AUTHOR_NAME": author.name,
            "GIT_AUTHOR_EMAIL": author.email,
            "GIT_AUTHOR_DATE": author.date,
        }
    return repo.git("commit-tree", tree, "-p", base, "-F", "-", stdin=message, env=env)
