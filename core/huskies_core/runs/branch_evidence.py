"""Read the state of a story's branch from git at the end of a run: its commits, its worktree and its conflict."""

from dataclasses import asdict

from huskies_core.context import Context
from huskies_core.git.branch_state import read_branch_state
from huskies_core.git.repository import GitError
from huskies_core.git.resolution import check_resolution
from huskies_core.git.worktrees import branch_of
from huskies_core.runs.handoff_files import read_start_facts
from huskies_core.store.evidence import BranchEvidence
from huskies_core.store.runs import Run
from huskies_core.supervisor.run_directory import RunDirectory


def read_branch_evidence(context: Context, run: Run) -> BranchEvidence:
    """Return the current state of the branch; the empty record if the base branch does not exist.

    If git cannot read the worktree, the record has git's error and no commits, and the run still ends.
    """
    tip = context.repository.branch_tip(context.base_branch_or_recorded)
    if tip is None:
        return BranchEvidence()
    name = branch_of(run.story)
    try:
        state = read_branch_state(context.repository, run.story, base_tip=tip)
    except GitError as error:
        return BranchEvidence(name, problem=error.message)
    return BranchEvidence(name, **asdict(state))


def find_unresolved(context: Context, run: Run) -> str:
    """Return a sentence about the part of a conflict that a mergemaster left unresolved; "" if it left none.

    Compare the branch with the tip of the base at the start of the run. The run is not responsible for later commits;
    the next merge shows whether they conflict.
    """
    base = context.base_branch_or_recorded
    tip = context.repository.branch_tip(base)
    if tip is None:
        return f"the base branch {base} does not exist"
    started_on = read_start_facts(RunDirectory(context.project.run_dir(run.id))).base
    try:
        return check_resolution(context.repository, run.story, base_tip=started_on or tip) or ""
    except GitError as error:
        return error.message
