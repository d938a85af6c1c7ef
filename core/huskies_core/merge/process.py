"""Merge one story in its own process: squash in memory, run the gates on the merged tree, land it on the base branch.

The process applies no event. It writes its result to `result.json` in the run directory. It records a landing in the
run before it moves the base branch, so the end of the run is recorded correctly even if this process dies.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from huskies_core.context import Context, open_context
from huskies_core.errors import HuskiesError, Overtaken
from huskies_core.git.host import scrub_environment
from huskies_core.git.landing import find_base_dirt, land
from huskies_core.git.locks import clear_shared_locks, git_locked
from huskies_core.git.repository import GitError
from huskies_core.git.squash import Squashed, squash
from huskies_core.git.worktrees import branch_of
from huskies_core.ids import RunId
from huskies_core.merge.gates import judge_tree
from huskies_core.merge_results import Landed, LostRace, MergeResult, OtherFailure, StoryMoved
from huskies_core.pipeline.stages import Merge
from huskies_core.runs.end import settle_landing
from huskies_core.runs.handoff_files import write_merge_result
from huskies_core.runs.story_worktrees import base_tip
from huskies_core.sanitize import one_line
from huskies_core.store import branches, runs, stories
from huskies_core.store.connection import Connection
from huskies_core.store.runs import Landing, Run, RunKind
from huskies_core.store.stories import Story
from huskies_core.supervisor.run_directory import RunDirectory

MAX_ATTEMPTS = 5
"""The number of attempts of one merge run while the base branch moves. The next tick then starts another run."""


def main(arguments: Sequence[str]) -> int:
    """Merge the story of a claimed run and write the result. Only the run's supervisor calls this."""
    root, number = arguments
    scrub_environment()
    with open_context(Path(root)) as context:
        with context.store.reading() as db:
            run = runs.load(db, RunId(int(number)))
        result = merge_story(context, run)
        write_merge_result(RunDirectory(context.project.run_dir(run.id)), result)
    print(f"huskies: {result.name}", flush=True)
    return 0


def merge_story(context: Context, run: Run) -> MergeResult:
    """Squash the branch, run the gates and land the commit. Begin again if the base branch moves during it."""
    for _ in range(MAX_ATTEMPTS):
        try:
            result = _merge_once(context, run)
        except GitError as error:
            return _result_after_error(context, run, error)
        if not isinstance(result, LostRace):
            return result
    return result


def _result_after_error(context: Context, run: Run, error: GitError) -> MergeResult:
    """Complete or roll back a landing that an error of git, such as a failed filter, interrupted.

    A landing that cannot be rolled back stays recorded; the end of the run completes it or rolls it back.
    """
    with context.store.reading() as db:
        landing = runs.load(db, run.id).landing
    if landing is not None:
        if settle_landing(context, run, landing).landed:
            return Landed(landing.commit)
        with context.store.exclusive() as db:
            runs.drop_landing(db, run.id)
    return OtherFailure(error.message)


def _merge_once(context: Context, run: Run) -> MergeResult:
    """Merge the story as it is now. The gates of an earlier attempt can take long enough for a person to change it."""
    with context.store.reading() as db:
        story, born = stories.load(db, run.story), branches.base_commit(db, run.story)
        message = _message(db, story)
    if not isinstance(story.stage, Merge) or story.visit != run.visit:
        return StoryMoved()
    branch = branch_of(story.id)
    tip, work = base_tip(context), context.repository.branch_tip(branch)
    if work is None or born is None:
        return OtherFailure(f"branch {branch} does not exist, or Huskies did not create it")
    try:
        squashed = squash(context.repository, branch=branch, tip=tip, message=message, born=born)
    except HuskiesError as error:
        return OtherFailure(error.message)
    result = _judge_and_land(context, run, tip, squashed) if isinstance(squashed, Squashed) else squashed
    return replace(result, branch_tip=work)


def _judge_and_land(context: Context, run: Run, tip: str, squashed: Squashed) -> MergeResult:
    commit = squashed.commit
    dirt = find_base_dirt(context.repository, base_branch=context.base_branch, tip=tip, commit=commit)
    if dirt is not None:
        return dirt
    failure = judge_tree(context, commit, squashed.tree, tip)
    if failure is not None:
        return failure
    with git_locked(context.project):
        clear_shared_locks(context.repository, now=context.now())
        return _land(context, run, tip, commit)


def _land(context: Context, run: Run, tip: str, commit: str) -> MergeResult:
    """Record the landing and move the base branch. The caller must hold the git lock.

    Between the record of the landing and the record of the run's end, no event moves the story.
    """
    try:
        with context.store.exclusive() as db:
            runs.begin_landing(db, run.id, Landing(tip, commit))
    except Overtaken:
        return StoryMoved()
    repo, branch = context.repository, context.base_branch
    result = land(repo, base_branch=branch, tip=tip, commit=commit, mark=str(run.id))
    if not isinstance(result, Landed):
        with context.store.exclusive() as db:
            runs.drop_landing(db, run.id)
    return result


def _message(db: Connection, story: Story) -> str:
    coders = [run.agent for run in runs.of_story(db, story.id) if run.kind is RunKind.CODER and run.agent]
    agent = f"\nAgent: {coders[-1]}" if coders else ""
    subject = f"huskies: merge {story.id} {story.draft.type.value} {one_line(story.draft.title)}"
    return f"{subject}\n\nStory-Id: {story.id}{agent}\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
