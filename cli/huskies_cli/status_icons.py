"""Which mark a story and a run have, wherever they are listed."""

from huskies_cli.render import Mark
from huskies_core.operations.runs import RunNow
from huskies_core.pipeline.stages import NEEDS_PERSON, StageName
from huskies_core.store.runs import Outcome, Run

_OVER = frozenset({StageName.DONE, StageName.ARCHIVED})
_OUTCOMES = {
    Outcome.COMPLETED: Mark.DONE,
    Outcome.RATE_LIMITED: Mark.THROTTLED,
    Outcome.STOPPED: Mark.IDLE,
    Outcome.CANCELLED: Mark.IDLE,
}


def mark_of_stage(stage: StageName, *, at_work: bool = False) -> Mark:
    """What a stage alone tells; `at_work` while a run of the story is live."""
    if at_work:
        return Mark.RUNNING
    if stage in NEEDS_PERSON:
        return Mark.BLOCKED
    return Mark.DONE if stage in _OVER else Mark.IDLE


def mark_of_run(run: Run) -> Mark:
    """What the record of a run tells."""
    return Mark.RUNNING if run.outcome is None else _OUTCOMES.get(run.outcome, Mark.BLOCKED)


def mark_now(one: RunNow) -> Mark:
    """What is seen of a run as well: that it is dead, or at a limit."""
    if one.run.outcome is None and one.dead:
        return Mark.BLOCKED
    return Mark.THROTTLED if one.run.outcome is None and one.throttled else mark_of_run(one.run)
