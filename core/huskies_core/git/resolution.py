"""Whether a branch into which the base was merged by hand is fit for the merge queue again."""

from huskies_core.git.repository import Checkout, Repository, split_nul
from huskies_core.git.worktree_tree import temporary_tree
from huskies_core.git.worktrees import branch_of, checkout_of

_MARKER = r"^(<<<<<<<|>>>>>>>)( |$)"
_FOUND = ": leftover conflict marker"
_NAMED = 5


def check_resolution(repo: Repository, story: int, *, base_tip: str) -> str | None:
    """What is wrong with the story's resolution, as a sentence; None when it is sound.

    Sound is: everything committed on the branch, `base_tip` contained in it (so merging is clean), no
    conflict markers in what it adds to the base, no merge under way in the worktree.
    """
    head = repo.branch_tip(branch_of(story))
    if head is None:
        return f"branch {branch_of(story)} does not exist"
    pending = _merge_under_way(repo, story)
    if pending is not None:
        return pending
    if not repo.is_ancestor(base_tip, head):
        return f"the base {base_tip[:12]} is not merged into {branch_of(story)}"
    marked = _marked_files(repo, base_tip, head)
    if marked:
        return f"conflict markers are left in {', '.join(marked[:_NAMED])}"
    return _uncommitted(repo, story, head)


def _marked_files(repo: Repository, base_tip: str, head: str) -> list[str]:
    """The files with an added marker line: `--check` alone takes an underlined heading for one."""
    suspects = split_nul(repo.git("diff-tree", "-r", "-z", "--name-only", f"-G{_MARKER}", base_tip, head))
    if not suspects:
        return []
    env = {"GIT_LITERAL_PATHSPECS": "1"}
    said = repo.git("diff-tree", "-r", "--check", base_tip, head, "--", *suspects, env=env, ok=(0, 2))
    found = (line.removesuffix(_FOUND) for line in said.splitlines() if line.endswith(_FOUND))
    checked = {place.rpartition(":")[0] for place in found}
    return sorted(path for path in suspects if path in checked)


def _merge_under_way(repo: Repository, story: int) -> str | None:
    checkout = _present_checkout(repo, story)
    if checkout is None or not (checkout.git_dir / "MERGE_HEAD").exists():
        return None
    unmerged = split_nul(repo.git("diff", "--name-only", "--diff-filter=U", "-z", at=checkout))
    if unmerged:
        return f"files are still in conflict: {', '.join(unmerged[:_NAMED])}"
    return "the merge is not committed"


def _uncommitted(repo: Repository, story: int, head: str) -> str | None:
    checkout = _present_checkout(repo, story)
    if checkout is None:
        return None
    with temporary_tree(repo, checkout) as (tree, _):
        return "the worktree has changes that are not committed" if tree != repo.tree_id(head) else None


def _present_checkout(repo: Repository, story: int) -> Checkout | None:
    checkout = checkout_of(repo.project, story)
    return checkout if checkout is not None and checkout.path.is_dir() else None
