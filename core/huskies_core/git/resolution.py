"""Check of a conflict resolution: whether a branch into which the base was merged may enter the merge queue again."""

from huskies_core.git.repository import Checkout, Repository, split_nul
from huskies_core.git.worktree_tree import temporary_tree
from huskies_core.git.worktrees import branch_of, present_checkout_of
from huskies_core.ids import StoryId

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
