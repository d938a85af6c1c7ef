"""Whether a mergemaster has resolved its conflict: asked when it says so, and again when its run has ended."""

from huskies_core.context import Context
from huskies_core.git.repository import GitError
from huskies_core.git.resolution import check_resolution
from huskies_core.runs.handoff_files import STARTING_FILE, read_left
from huskies_core.store.runs import Run
from huskies_core.supervisor.run_directory import RunDirectory


def unresolved(context: Context, run: Run) -> str | None:
    """What is left to do of the conflict that `run` is there for, as a sentence; None when it is resolved.

    Held against the base that the run began with: what landed since is no fault of it, and the next merge finds
    whether that is in conflict, too. A worktree that git cannot read is one with something left to do.
    """
    base = context.base_branch_or_recorded
    tip = context.repository.branch_tip(base)
    if tip is None:
        return f"the base branch {base} does not exist"
    began = read_left(RunDirectory(context.project.run_dir(run.id)), STARTING_FILE)
    try:
        return check_resolution(context.repository, run.story, base_tip=began.get("base") or tip)
    except GitError as error:
        return error.message
