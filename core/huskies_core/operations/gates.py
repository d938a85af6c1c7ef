"""Having the gates judge a story's work now, without a coder before them."""

from huskies_core.config.load import gates_of
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.operations.branch_work import no_commits, work_of
from huskies_core.operations.moves import seen_story
from huskies_core.pipeline.stages import StageName
from huskies_core.runs.authorization import refuse_inside_run
from huskies_core.runs.request import RunRequest
from huskies_core.runs.start import start_run
from huskies_core.store.runs import Run, RunKind
from huskies_core.store.stories import Story, StoryType

_STAGES = (StageName.CODING, StageName.QA)


def run_gates(context: Context, story: int) -> Run:
    """Starts a gates run on what the story's branch has committed; it is live then.

    What follows in coding is what follows after a coder: on to QA or the merge queue, or back with the output. Raises
    HuskiesError with nothing changed: `wrong_stage`, `no_gates`, `no_commits`, `uncommitted`, and `already_running` or
    `max_gates` when a rule forbids the start.
    """
    refuse_inside_run(context)
    seen = seen_story(context, story)
    _refuse_stage(seen)
    if not gates_of(context.project, context.config.project):
        hint = "Add a [[gate]] to project.toml, or an executable script/test."
        raise HuskiesError("the project has no gates", hint=hint, code="no_gates")
    _refuse_unready(context, seen)
    return start_run(context, RunRequest(seen, RunKind.GATES, None), context.now())


def _refuse_stage(seen: Story) -> None:
    if seen.stage.name not in _STAGES:
        fact = f"story {seen.id} is in {seen.stage.name.value}: gates judge what is in coding or qa"
    elif seen.draft.type is StoryType.SPIKE:
        fact = f"story {seen.id} is a spike: a person judges it, no gates"
    else:
        return
    hint = f"'huskies explain {seen.id}' says what moves it."
    raise HuskiesError(fact, hint=hint, code="wrong_stage", subject=str(seen.id))


def _refuse_unready(context: Context, seen: Story) -> None:
    """Without commits a passed gate would block the story; what is not committed would not be merged."""
    work = work_of(context, seen.id)
    if not work.commits:
        raise no_commits(seen, work, f"'huskies agent start {seen.id}' has it coded.")
    if work.is_dirty:
        fact = f"the worktree of story {seen.id} has changes that are not committed"
        hint = f"Commit them: 'huskies worktree path {seen.id}' says where."
        raise HuskiesError(fact, hint=hint, code="uncommitted", subject=str(seen.id))
