"""Gate runs on request, without a coder run before them."""

from huskies_core.config.load import gates_of
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.operations.branch_work import no_commits, read_work
from huskies_core.operations.common_arguments import StoryArgument
from huskies_core.operations.operation import operation
from huskies_core.operations.runs import run_json
from huskies_core.operations.story_events import load_story
from huskies_core.pipeline.stages import StageName
from huskies_core.runs.request import RunRequest
from huskies_core.runs.start import start_run
from huskies_core.store.runs import Run, RunKind
from huskies_core.store.stories import Story, StoryType

_STAGES = (StageName.CODING, StageName.QA)


@operation("run_gates", json=lambda run: {"run": run_json(run)}, writes=True, long=True)
def run_gates(context: Context, story: StoryArgument) -> Run:
    """Start the gates on the commits of a story in coding or QA.

    In coding the story then moves on as after a coder's run: to QA or the merge queue, or back to a coder with the
    output.
    """
    current = load_story(context, story)
    _refuse_stage(current)
    if not gates_of(context.project, context.config.project):
        hint = "Add a [[gate]] to project.toml, or an executable script/test."
        raise HuskiesError("the project has no gates", hint=hint, code="no_gates")
    _refuse_unready(context, current)
    return start_run(context, RunRequest(current, RunKind.GATES, None), context.now())


def _refuse_stage(story: Story) -> None:
    if story.stage.name not in _STAGES:
        fact = f"story {story.id} is in {story.stage.name.value}: gates run only in coding and qa"
    elif story.draft.type is StoryType.SPIKE:
        fact = f"story {story.id} is a spike: a person judges it, not the gates"
    else:
        return
    hint = f"'huskies explain {story.id}' shows its next step."
    raise HuskiesError(fact, hint=hint, code="wrong_stage", subject=str(story.id))


def _refuse_unready(context: Context, story: Story) -> None:
    """Raise HuskiesError if there are no commits, since passed gates would block the story, or uncommitted changes."""
    work = read_work(context, story.id)
    if not work.has_work:
        raise no_commits(story, work, f"'huskies agent start {story.id}' starts a coder.")
    if work.dirty:
        fact = f"the worktree of story {story.id} has uncommitted changes"
        hint = f"Commit them: 'huskies worktree path {story.id}' prints the path."
        raise HuskiesError(fact, hint=hint, code="uncommitted", subject=str(story.id))
