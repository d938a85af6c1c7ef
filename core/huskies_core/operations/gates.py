"""Gate runs on request, without a coder run before them."""

from huskies_core.config.load import gates_of
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.operations.branch_work import no_commits, read_work
from huskies_core.operations.common_arguments import StoryArgument
from huskies_core.operations.operation import operation
from huskies_core.operations.record_json import run_json
from huskies_core.operations.story_events import load_story
from huskies_core.pipeline.stages import StageName
from huskies_core.runs.request import RunRequest
from huskies_core.runs.start import start_run
from huskies_core.store.runs import Run, RunKind
from huskies_core.store.stories import StoryType


@operation("run_gates", json=lambda run: {"run": run_json(run)}, writes=True, long=True)
def run_gates(context: Context, story: StoryArgument) -> Run:
    """Start the gates on the commits of a story in coding or QA.

    In coding the story then moves on as after a coder's run: to QA or the merge queue, or back to a coder with the
    output.
    """
    current = load_story(context, story)
    next_step = f"'huskies explain {story}' shows its next step."
    if current.stage.name not in (StageName.CODING, StageName.QA):
        fact = f"story {story} is in {current.stage.name.value}: gates run only in coding and qa"
        raise HuskiesError(fact, hint=next_step, code="wrong_stage", subject=str(story))
    if current.draft.type is StoryType.SPIKE:
        fact = f"story {story} is a spike: a person judges it, not the gates"
        raise HuskiesError(fact, hint=next_step, code="wrong_stage", subject=str(story))
    if not gates_of(context.project, context.config.project):
        hint = "Add a [[gate]] to project.toml, or an executable script/test."
        raise HuskiesError("the project has no gates", hint=hint, code="no_gates")
    work = read_work(context, story)
    if not work.has_work:
        # Passed gates would block the story.
        raise no_commits(current, work, f"'huskies agent start {story}' starts a coder.")
    if work.dirty:
        fact = f"the worktree of story {story} has uncommitted changes"
        hint = f"Commit them: 'huskies worktree path {story}' prints the path."
        raise HuskiesError(fact, hint=hint, code="uncommitted", subject=str(story))
    return start_run(context, RunRequest(current, RunKind.GATES, None), context.now())
