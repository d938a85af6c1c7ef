"""What a story has to show: commits of its own, a diff against the base, and what is not committed yet."""

import hashlib
from dataclasses import dataclass

from huskies_core.git.repository import Repository
from huskies_core.git.worktree_tree import temporary_tree
from huskies_core.git.worktrees import branch_of, checkout_of


@dataclass(frozen=True)
class BranchState:
    """`head` and `tree` are of the branch's tip (None without a branch), `base` is where it left the base.

    `dirty`: the worktree holds what the tip does not, also when another branch is checked out there.
    `fingerprint` changes whenever the diff against the base does, committed or not.
    """

    head: str | None
    base: str | None
    tree: str | None
    commits_ahead: int
    has_diff: bool
    dirty: bool
    fingerprint: str


def read_branch_state(repo: Repository, story: int, *, base_tip: str) -> BranchState:
    """Reads the story's branch and worktree, and changes neither. A worktree that is gone is not dirty."""
    head = repo.branch_tip(branch_of(story))
    if head is None:
        return BranchState(None, None, None, 0, has_diff=False, dirty=False, fingerprint="")
    tree, base_tree = repo.git("rev-parse", f"{head}^{{tree}}", f"{base_tip}^{{tree}}").split()
    base = repo.git("merge-base", base_tip, head, ok=(0, 1)) or None
    started = repo.tree_id(base) if base else base_tree
    ahead = int(repo.git("rev-list", "--count", head, f"^{base_tip}", "--"))
    now, digest = _worktree(repo, story, started, tree)
    return BranchState(
        head, base, tree, ahead, has_diff=tree != started, dirty=now != tree, fingerprint=digest
    )


def _worktree(repo: Repository, story: int, started: str, tree: str) -> tuple[str, str]:
    """The tree that the worktree holds, and a digest of how it differs from the one it started from."""
    checkout = checkout_of(repo.project, story)
    if checkout is None or not checkout.path.is_dir():
        return tree, _digest(repo.git("diff-tree", "-r", "-z", started, tree))
    with temporary_tree(repo, checkout) as (now, objects):
        return now, _digest(repo.git("diff-tree", "-r", "-z", started, now, env=objects))


def _digest(diff: str) -> str:
    return hashlib.sha256(diff.encode("utf-8", "surrogateescape")).hexdigest()
