"""The explanation of one story, which includes what auto-assign would start next."""

from huskies_core.context import Context
from huskies_core.operations.common_arguments import StoryArgument
from huskies_core.operations.operation import STORIES, Command, operation
from huskies_core.operations.record_json import pick
from huskies_core.passes import auto_assign
from huskies_core.passes.story_steps import BeginRun
from huskies_core.runs.request import RunRequest
from huskies_core.scheduler import explanation
from huskies_core.scheduler.explanation import Explanation
from huskies_core.scheduler.snapshot import Snapshot, take_snapshot
from huskies_core.store import stories


def explanation_json(explanation: Explanation) -> dict[str, object]:
    return {
        "story": explanation.story.id,
        "stage": explanation.story.stage.name,
        "holds": [pick(blocker, "rule", "detail", "command") for blocker in explanation.blockers],
        "next": explanation.next,
        "rules": [{"rule": check.rule, "holds": bool(check.blockers)} for check in explanation.checks],
        "notes": list(explanation.notes),
    }


@operation("explain", Command("explain", STORIES), json=explanation_json)
def explain(context: Context, story: StoryArgument) -> Explanation:
    """Explain why a story is in its stage.

    The output lists the rules that apply to the story, in the order in which auto-assign checks them. A rule is met, or
    it blocks the story and names a command that helps. The last line shows the next step of the story.
    """
    with context.store.reading() as db:
        current = stories.load(db, story)
        snapshot = take_snapshot(context, db)
        return explanation.explain(snapshot, current, next_starts(snapshot))


def next_starts(snapshot: Snapshot) -> tuple[RunRequest, ...]:
    """Return the runs that auto-assign would start now, in order."""
    return tuple(step.request for step in auto_assign.plan(snapshot) if isinstance(step, BeginRun))
