"""What git reports about a story's branch at the end of a run: its commits, its worktree, its resolved conflict."""

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
    """Return the state of the branch now; the empty record if the base branch does not exist.

    A worktree that git cannot read does not keep the run from ending: the record then has git's error and no commits.
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
    """Return what a mergemaster's run left to do as a sentence, or "" if the conflict is resolved.

    The resolution is compared with the base at the start of the run. Commits that landed since are no error of the
    run; the next merge finds out whether they conflict.
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
