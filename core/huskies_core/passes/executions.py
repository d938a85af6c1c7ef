"""fire-timers and fire-triggers: execute the actions of due timers, and of triggers that match a new transition.

Each execution is claimed once and never begins again. A prompt becomes a task in the transaction of the claim. A tool
call is a job that runs in its own process. A trigger that forms a loop is suspended.
"""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial

from huskies_core.clock import to_iso
from huskies_core.context import Context
from huskies_core.errors import Overtaken
from huskies_core.ids import ExecutionId, Seq, StoryId, TimerId, TriggerId
from huskies_core.passes.jobs import EndJob, Job, end_interrupted, start_job
from huskies_core.passes.pass_runner import Pass
from huskies_core.passes.steps import PlannedStep, StepOutcome, StepResult, Verb, attempt
from huskies_core.pipeline.events import Start
from huskies_core.pipeline.stages import Backlog
from huskies_core.sanitize import one_line
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.schedules import Once, next_instant
from huskies_core.store import executions, journal, stories, timers, triggers
from huskies_core.store.actions import Continue, TaskPrompt, ToolCall, describe, fill_variables
from huskies_core.store.connection import Connection
from huskies_core.store.executions import Execution, ExecutionClaim, ExecutionStatus
from huskies_core.store.journal import JournalEntry, JournalKind
from huskies_core.store.stories import Criterion, StoryDraft, StoryType
from huskies_core.store.timers import CatchUp, Timer, TimerState
from huskies_core.store.transitions import apply_event
from huskies_core.store.triggers import TriggerMode, TriggerState
from huskies_core.supervisor.run_directory import RunDirectory, hold_lock

LATE = timedelta(seconds=120)
"""The delay after which a timer counts as missed: two ticks of cron."""
MOST_DEPTH = 5
MOST_IN_AN_HOUR = 60
BATCH = 1000
TITLE_LENGTH = 100


class FireTimer(PlannedStep, frozen=True, kw_only=True):
    """An execution to claim. `criterion` is that of the task that a prompt becomes."""

    timer: TimerId
    fire_at: datetime
    criterion: str


class FireTrigger(PlannedStep, frozen=True, kw_only=True):
    """An execution to claim, as of a timer. `seq` is the journal position of the matched transition."""

    trigger: TriggerId
    seq: Seq
    criterion: str


ExecutionStep = FireTimer | FireTrigger | EndJob


def apply(context: Context, steps: tuple[ExecutionStep, ...]) -> Iterator[StepResult]:
    """Apply the steps in turn, continue after a failure and report created tasks."""
    for step in steps:
        task: PlannedStep | None = None
        with attempt() as attempted:
            if isinstance(step, EndJob):
                _end_interrupted(context, step)
            else:
                attempted.message, task = _execute(context, step)
        yield StepResult.of(step, attempted)
        if task is not None:
            yield StepResult(task, StepOutcome.DONE, task.detail)


def directory_of(context: Context, execution: Execution) -> RunDirectory:
    return RunDirectory(context.project.execution_dir(execution.id))


def record_end(context: Context, execution: Execution, status: ExecutionStatus, detail: str) -> None:
    """Record the end of an execution, and its problem in the row of its timer or trigger. Remove its directory."""
    with context.store.exclusive() as db:
        executions.end(db, execution, status, detail, now=context.now())
        if status is not ExecutionStatus.DONE:
            problem = f"{status.value}: {describe(execution.action)}{f': {detail}' if detail else ''}"
            interrupted = status is ExecutionStatus.INTERRUPTED
            table = timers if execution.kind is JournalKind.TIMER else triggers
            table.note_problem(db, execution.number, problem, interrupted=interrupted)
    shutil.rmtree(directory_of(context, execution).path, ignore_errors=True)


def _plan_timers(snapshot: Snapshot) -> Iterator[FireTimer | EndJob]:
    yield from _interrupted(snapshot, JournalKind.TIMER)
    for timer in timers.due(snapshot.db, snapshot.now):
        name = _name_of(timer)
        yield FireTimer(
            Verb.FIRE_TIMER,
            detail=f"{name}: {describe(timer.draft.action)}",
            timer=timer.id,
            fire_at=timer.fire_at,
            criterion=f"The request of {name} is done.",
        )


def _plan_triggers(snapshot: Snapshot) -> Iterator[FireTrigger | EndJob]:
    yield from _interrupted(snapshot, JournalKind.TRIGGER)
    yield from _matches(snapshot.db)


def _interrupted(snapshot: Snapshot, kind: JournalKind) -> Iterator[EndJob]:
    """Yield a step for each open tool call, of timers or of triggers, with a dead process."""
    for execution in executions.still_open(snapshot.db, kind):
        if _job(snapshot.context, execution).is_interrupted:
            detail = f"{execution.source}: {describe(execution.action)} was interrupted"
            yield EndJob(Verb.END_FIRING, detail=detail, number=execution.id)


def _matches(db: Connection) -> Iterator[FireTrigger]:
    """Yield matches in the order of the journal, one for a trigger with mode once. The claim checks that again."""
    armed = triggers.armed(db)
    spent: set[TriggerId] = set()
    for entry in _new_transitions(db):
        if entry.story is None:
            continue
        story = stories.load(db, entry.story)
        for trigger in armed:
            matches = entry.seq > trigger.since and trigger.draft.predicate.is_met(entry, story)
            if not matches or trigger.id in spent or executions.is_claimed(db, trigger.source, entry.seq):
                continue
            if trigger.draft.mode is TriggerMode.ONCE:
                spent.add(trigger.id)
            name, cause = f"trigger {trigger.id}", f"after {entry.event} of story {entry.story}"
            yield FireTrigger(
                Verb.FIRE_TRIGGER,
                entry.story,
                f"{name}: {describe(trigger.draft.action)}, {cause}",
                trigger=trigger.id,
                seq=entry.seq,
                criterion=f"The request of {name} {cause} is done.",
            )


def _new_transitions(db: Connection) -> Iterator[JournalEntry]:
    first = triggers.first_armed(db)
    if first is None:
        return
    seq = max(first, journal.cursor(db, "fire-triggers"))
    while batch := journal.transitions_after(db, seq, BATCH):
        yield from batch
        seq = batch[-1].seq


def _execute(context: Context, step: FireTimer | FireTrigger) -> tuple[str, PlannedStep | None]:
    """Claim the planned execution, and complete it in the same transaction. A tool call starts after the commit.

    For a story that continues, the journal row of the claim makes auto-assign due. Return the detail of the result, and
    the step that reports a created task.
    """
    now = context.now()
    with ExitStack() as locks:
        with context.store.exclusive() as db:
            match step:
                case FireTimer():
                    request = _claim_timer(db, step, context.actor, now)
                case FireTrigger():
                    request = _claim_trigger(db, step, now)
            if isinstance(request, str):
                return request, None
            execution = executions.claim(db, request, now=now)
            match request.action:
                case TaskPrompt(text):
                    task = _make_task(db, request, text, step.criterion, now)
                    executions.end(db, execution, ExecutionStatus.DONE, f"story {task}", now=now)
                    source = execution.source.replace(":", " ")
                    return step.detail, PlannedStep(Verb.CREATE_TASK, task, f"created by {source}")
                case Continue():
                    executions.end(db, execution, ExecutionStatus.DONE, describe(request.action), now=now)
                    return step.detail, None
                case ToolCall():
                    lock = hold_lock(directory_of(context, execution), f"execution {execution.id}", locks)
        start_job(context, _job(context, execution), lock)
    return step.detail, None


def _claim_timer(db: Connection, step: FireTimer, actor: str, now: datetime) -> ExecutionClaim | str:
    """Set a timer that is still armed for the planned time to its next time. Return the claim, or why it is skipped."""
    timer = timers.load(db, step.timer)
    if timer.state is not TimerState.ARMED or timer.fire_at != step.fire_at:
        raise Overtaken(f"{_name_of(timer)} has run already, or was cancelled", code="stale")
    draft = timer.draft
    timers.move_on(db, timer, next_instant(draft.schedule, timer.fire_at, now))
    may_skip = draft.catch_up is CatchUp.NONE and not isinstance(draft.schedule, Once)
    if may_skip and now - timer.fire_at > LATE:
        timers.note(db, timer, "skipped", actor=actor, now=now)
        return f"{step.detail}: missed, and skipped"
    row = {"timer": timer.id, "label": draft.label, "fire_at": to_iso(step.fire_at)}
    return ExecutionClaim(timer.source, draft.action, timer.depth + 1, story=timer.story, facts=row)


def _claim_trigger(db: Connection, step: FireTrigger, now: datetime) -> ExecutionClaim | str:
    """Return the claim of a trigger that is still armed. Suspend a trigger that exceeds the depth or the rate limit."""
    trigger, entry = triggers.load(db, step.trigger), journal.load(db, step.seq)
    if trigger.state is not TriggerState.ARMED:
        raise Overtaken(f"trigger {trigger.id} has run already, or was cancelled", code="stale")
    # The number of executions, each caused by the last, that led to the transition.
    depth = int(entry.detail.get("depth", 0))
    excess = ""
    if depth >= MOST_DEPTH:
        excess = f"depth {MOST_DEPTH}: the transition follows from {MOST_DEPTH} executions, each caused by the last"
    elif executions.count_since(db, trigger.source, now - timedelta(hours=1)) >= MOST_IN_AN_HOUR:
        excess = f"rate: it ran {MOST_IN_AN_HOUR} times within an hour"
    if excess:
        triggers.suspend(db, trigger, excess, cause=entry, now=now)
        return f"trigger {trigger.id} is suspended: {excess}"
    triggers.count_firing(db, trigger)
    row = {"trigger": trigger.id, "event": entry.event, "before": entry.before, "after": entry.after}
    action = fill_variables(trigger.draft.action, _variables(db, entry))
    return ExecutionClaim(trigger.source, action, depth + 1, entry.seq, entry.story, row)


def _variables(db: Connection, entry: JournalEntry) -> dict[str, str]:
    """Return the values of the variables that an action may use. The title is the current one."""
    assert entry.story is not None
    title = stories.load(db, entry.story).draft.title
    moved = {"event": entry.event, "from": entry.before or "", "to": entry.after or ""}
    return {"story_id": str(entry.story), "story_title": title, **moved}


def _job(context: Context, execution: Execution) -> Job:
    return Job(
        "the tool call",
        directory_of(context, execution),
        ("perform", str(execution.id)),
        fail=partial(record_end, context, execution, ExecutionStatus.FAILED),
        interrupt=partial(record_end, context, execution, ExecutionStatus.INTERRUPTED),
    )


def _end_interrupted(context: Context, step: EndJob) -> None:
    with context.store.reading() as db:
        execution = executions.load(db, ExecutionId(step.number))
    if execution is None:
        raise Overtaken(f"execution {step.number} is no longer in the store", code="stale")
    end_interrupted(_job(context, execution))


def _make_task(
    db: Connection, request: ExecutionClaim, prompt: str, criterion: str, now: datetime
) -> StoryId:
    """Add a task for a prompt and start it, with the timer or trigger as the actor. Return its id."""
    # A prompt of variables can be empty.
    title = next(filter(None, map(one_line, prompt.splitlines())), one_line(criterion))
    title = title if len(title) <= TITLE_LENGTH else f"{title[: TITLE_LENGTH - 1]}…"
    draft = StoryDraft(title, StoryType.TASK, prompt, (Criterion(criterion),))
    task = stories.add(db, draft, Backlog(), actor=request.source, now=now)
    apply_event(db, task.id, Start(), visit=task.visit, actor=request.source, now=now)
    return task.id


def _name_of(timer: Timer) -> str:
    label = timer.draft.label
    return f"timer {timer.id} ({label})" if label else f"timer {timer.id}"


FIRE_TIMERS = Pass("fire-timers", _plan_timers, apply)
FIRE_TRIGGERS = Pass("fire-triggers", _plan_triggers, apply, follows=True)
