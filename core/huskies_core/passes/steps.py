"""The planned steps of passes and their results, as plain values for dry runs, JSON, `explain` and the tests."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum

from msgspec import Struct

from huskies_core.errors import HuskiesError, Overtaken
from huskies_core.ids import RunId, StoryId


class Verb(StrEnum):
    """The name of a step. The JSON of a pass has it under the key `action`."""

    CREATE_WORKTREE = "create_worktree"
    REMOVE_WORKTREE = "remove_worktree"
    PURGE_CONTENT = "purge_content"
    REMOVE_RUN_DIRECTORY = "remove_run_directory"
    EXPIRE_RESCUE = "expire_rescue"
    EXPIRE_GATE_PASSES = "expire_gate_passes"
    ARCHIVE_STORY = "archive_story"
    CLOSE_STORY = "close_story"
    PROMOTE_STORY = "promote_story"
    MOVE_STORY = "move_story"
    BLOCK_STORY = "block_story"
    START_RUN = "start_run"
    START_MERGE = "start_merge"
    KILL_RUN = "kill_run"
    END_RUN = "end_run"
    RELEASE_RUN = "release_run"
    RELEASE_HOLD = "release_hold"
    HOLD_ACCOUNT = "hold_account"
    FIRE_TIMER = "fire_timer"
    FIRE_TRIGGER = "fire_trigger"
    CREATE_TASK = "create_task"
    END_FIRING = "end_firing"
    EXPIRE_FIRINGS = "expire_firings"
    APPEND_AUDIT = "append_audit"
    SEND_EVENTS = "send_events"
    SEND_NOTIFICATION = "send_notification"
    END_NOTIFICATION = "end_notification"
    EXPIRE_NOTIFICATIONS = "expire_notifications"
    RECORD_USAGE = "record_usage"
    NOTE_BUDGET = "note_budget"


class PlannedStep(Struct, frozen=True):
    """One step of a pass. A subclass has the values that its application needs; `detail` is for people."""

    verb: Verb
    story: StoryId | None = None
    detail: str = ""


class StoryStep(PlannedStep, frozen=True, kw_only=True):
    """A step for one story."""

    story: StoryId


class RunStep(PlannedStep, frozen=True, kw_only=True):
    """A step for one run of the story."""

    run: RunId


class StepOutcome(StrEnum):
    DONE = "done"
    PLANNED = "planned"
    FAILED = "failed"
    SKIPPED = "skipped"


class Attempt(Struct):
    """The outcome of a block. `message` is the text that the block set, or that of its error, which has `code`."""

    outcome: StepOutcome = StepOutcome.DONE
    message: str = ""
    code: str = ""


class StepResult(Struct, frozen=True):
    """A step and its outcome. `error` is the code of a failure."""

    step: PlannedStep
    outcome: StepOutcome
    detail: str
    error: str = ""

    @staticmethod
    def of(step: PlannedStep, attempt: Attempt) -> "StepResult":
        return StepResult(step, attempt.outcome, attempt.message or step.detail, attempt.code)


class PassReport(Struct, frozen=True):
    """The results of one pass. `failure` is the error that ended it, if one did, after the results."""

    name: str
    results: tuple[StepResult, ...] = ()
    already_running: bool = False
    failure: Attempt | None = None

    @staticmethod
    def of_plan(name: str, steps: Iterable[PlannedStep]) -> "PassReport":
        """Return the report of a dry run."""
        return PassReport(name, tuple(StepResult(step, StepOutcome.PLANNED, step.detail) for step in steps))

    @property
    def acted(self) -> bool:
        return any(result.outcome is StepOutcome.DONE for result in self.results)


@contextmanager
def attempt() -> Iterator[Attempt]:
    """Run the block and record its error: as skipped if the state has changed since the plan, else as failed."""
    attempted = Attempt()
    try:
        yield attempted
    except HuskiesError as error:
        attempted.outcome = StepOutcome.SKIPPED if isinstance(error, Overtaken) else StepOutcome.FAILED
        attempted.message, attempted.code = error.message, error.code
    except Exception as error:
        attempted.outcome, attempted.code = StepOutcome.FAILED, "bug"
        attempted.message = f"{type(error).__name__}: {error}"
