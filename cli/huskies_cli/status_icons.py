"""The marks of stories and runs."""

from huskies_cli.render import Mark
from huskies_core.operations.runs import RunNow
from huskies_core.pipeline.stages import NEEDS_PERSON, StageName
from huskies_core.store.runs import Outcome, Run

_FINISHED = frozenset({StageName.DONE, StageName.ARCHIVED})
_OUTCOMES = {
    Outcome.COMPLETED: Mark.DONE,
    Outcome.RATE_LIMITED: Mark.THROTTLED,
    Outcome.STOPPED: Mark.IDLE,
    Outcome.CANCELLED: Mark.IDLE,
}


def mark_of_stage(stage: StageName, *, at_work: bool = False) -> Mark:
    """Return the mark of a stage. `at_work` means that a run of the story is live."""
    if at_work:
        return Mark.RUNNING
    if stage in NEEDS_PERSON:
        return Mark.BLOCKED
    return Mark.DONE if stage in _FINISHED else Mark.IDLE


def mark_of_run(run: Run) -> Mark:
    return Mark.RUNNING if run.outcome is None else _OUTCOMES.get(run.outcome, Mark.BLOCKED)


def mark_now(item: RunNow) -> Mark:
    """Return the mark of a run; a live one may be dead, or wait at a rate limit."""
    if item.run.outcome is None and item.dead:
        return Mark.BLOCKED
    return Mark.THROTTLED if item.run.outcome is None and item.throttled else mark_of_run(item.run)
