"""State of a story's branch and worktree: commits, diff, uncommitted changes, unresolved conflicts."""

import hashlib

from msgspec import Struct

from huskies_core.git.index_entries import temporary_tree
from huskies_core.git.repository import Checkout, Repository, split_nul
from huskies_core.git.worktrees import branch_of, present_checkout_of
from huskies_core.ids import StoryId


class BranchState(Struct, frozen=True):
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


_MARKER = r"^(<<<<<<<|>>>>>>>)( |$)"
_CHECK_MESSAGE = ": leftover conflict marker"
_MOST_NAMES = 5


def check_resolution(repo: Repository, story: StoryId, *, base_tip: str) -> str | None:
    """Return the first problem of the story's resolution as a sentence, or None if it is complete.

    A complete resolution is committed on the branch, contains `base_tip` (so the merge has no conflict), adds no
    conflict markers, and no merge is in progress in the worktree.
    """
    branch = branch_of(story)
    head = repo.branch_tip(branch)
    if head is None:
        return f"branch {branch} does not exist"
    checkout = present_checkout_of(repo.project, story)
    problem = None if checkout is None else _check_merge_in_progress(repo, checkout)
    if problem is not None:
        return problem
    if not repo.is_ancestor(base_tip, head):
        return f"the base {base_tip[:12]} is not merged into {branch}"
    files = _files_with_markers(repo, base_tip, head)
    if files:
        return f"conflict markers are left in {', '.join(files[:_MOST_NAMES])}"
    return None if checkout is None else _check_uncommitted(repo, checkout, head)


def _check_merge_in_progress(repo: Repository, checkout: Checkout) -> str | None:
    if not (checkout.git_dir / "MERGE_HEAD").exists():
        return None
    unmerged = split_nul(repo.git("diff", "--name-only", "--diff-filter=U", "-z", at=checkout))
    if unmerged:
        return f"files are still in conflict: {', '.join(unmerged[:_MOST_NAMES])}"
    return "the merge is not committed"


def _files_with_markers(repo: Repository, base_tip: str, head: str) -> list[str]:
    """Return the files with an added marker line. `--check` alone reports an underlined heading as a marker."""
    suspects = split_nul(repo.git("diff-tree", "-r", "-z", "--name-only", f"-G{_MARKER}", base_tip, head))
    if not suspects:
        return []
    env = {"GIT_LITERAL_PATHSPECS": "1"}
    output = repo.git("diff-tree", "-r", "--check", base_tip, head, "--", *suspects, env=env, ok=(0, 2))
    reported = (
        line.removesuffix(_CHECK_MESSAGE) for line in output.splitlines() if line.endswith(_CHECK_MESSAGE)
    )
    checked = {position.rpartition(":")[0] for position in reported}
    return sorted(path for path in suspects if path in checked)


def _check_uncommitted(repo: Repository, checkout: Checkout, head: str) -> str | None:
    with temporary_tree(repo, checkout) as (tree, _):
        return "the worktree has changes that are not committed" if tree != repo.tree_id(head) else None
