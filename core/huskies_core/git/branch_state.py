"""State of a story's branch and worktree: its commits, its diff against the base, and uncommitted changes."""

import hashlib
from dataclasses import dataclass

from huskies_core.git.repository import Repository
from huskies_core.git.worktree_tree import temporary_tree
from huskies_core.git.worktrees import branch_of, present_checkout_of
from huskies_core.ids import StoryId


@dataclass(frozen=True)
class BranchState:
    """`head` and `tree` are those of the branch's tip (None without a branch), `base` is its merge base.

    `dirty`: the worktree differs from the tip, also because another branch is checked out there. `fingerprint` changes
    whenever the diff against the merge base does, committed or not.
    """

    head: str | None
    base: str | None
    tree: str | None
    commits_ahead: int
    has_diff: bool
    dirty: bool
    fingerprint: str

    @property
    def has_work(self) -> bool:
        """Return whether the branch has commits of its own that together change something."""
        return self.commits_ahead > 0 and self.has_diff


def read_branch_state(repo: Repository, story: StoryId, *, base_tip: str) -> BranchState:
    """Return the state of the story's branch and worktree. Change neither. A missing worktree is not dirty."""
    head = repo.branch_tip(branch_of(story))
    if head is None:
        return BranchState(None, None, None, 0, has_diff=False, dirty=False, fingerprint="")
    tree, base_tree = repo.git("rev-parse", f"{head}^{{tree}}", f"{base_tip}^{{tree}}").split()
    base = repo.git("merge-base", base_tip, head, ok=(0, 1)) or None
    first_tree = repo.tree_id(base) if base else base_tree
    ahead = int(repo.git("rev-list", "--count", head, f"^{base_tip}", "--"))
    current_tree, fingerprint = _read_worktree(repo, story, first_tree, tree)
    return BranchState(
        head,
        base,
        tree,
        ahead,
        has_diff=tree != first_tree,
        dirty=current_tree != tree,
        fingerprint=fingerprint,
    )


def _read_worktree(repo: Repository, story: StoryId, first_tree: str, tip_tree: str) -> tuple[str, str]:
    """Return the tree of the worktree's files, and a digest of its diff against `first_tree`."""
    checkout = present_checkout_of(repo.project, story)
    if checkout is None:
        return tip_tree, _digest(repo.git("diff-tree", "-r", "-z", first_tree, tip_tree))
    with temporary_tree(repo, checkout) as (tree, objects):
        return tree, _digest(repo.git("diff-tree", "-r", "-z", first_tree, tree, env=objects))


def _digest(diff: str) -> str:
    return hashlib.sha256(diff.encode("utf-8", "surrogateescape")).hexdigest()
