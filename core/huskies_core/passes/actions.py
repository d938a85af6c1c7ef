"""What passes plan and what became of it: plain values, read alike by dry runs, JSON, `explain` and the tests."""

from dataclasses import dataclass, field
from enum import StrEnum

from huskies_core.pipeline.events import Event
from huskies_core.runs.request import RunRequest


class Verb(StrEnum):
    CREATE_WORKTREE = "create_worktree"
    REMOVE_WORKTREE = "remove_worktree"
    RESCUE_WORK = "rescue_work"
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
    RUN_PASS = "run_pass"


class Outcome(StrEnum):
    DONE = "done"
    PLANNED = "planned"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Move:
    """An event to fire for a visit; `content` is written in the same transaction."""

    event: Event
    visit: int
    content: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class PlannedStep:
    """One thing a pass would do. `subject` names a run, a ref or a count where the story does not say it all."""

    verb: Verb
    story: int | None = None
    detail: str = ""
    move: Move | None = None
    order: RunRequest | None = field(default=None, repr=False)
    run: int | None = None
    subject: str = ""


@dataclass(frozen=True)
class StepResult:
    """An action and what became of it; `error` is the code of a failure."""

    action: PlannedStep
    outcome: Outcome
    detail: str
    error: str = ""


@dataclass(frozen=True)
class PassReport:
    """What one pass did. `failure` is why it could not plan at all."""

    name: str
    done: tuple[StepResult, ...] = ()
    already_running: bool = False
    failure: StepResult | None = None

    @property
    def acted(self) -> bool:
        return any(item.outcome is Outcome.DONE for item in self.done)
