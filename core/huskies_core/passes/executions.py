"""Firing: claimed and, where it is a prompt, done in one transaction; a tool call goes on in a process of its own.

That process holds the lock of the firing from the claim to its recorded end, as the supervisor of a run does: an open
firing whose lock is free was interrupted, and nothing begins it again.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from huskies_core.context import Context
from huskies_core.errors import HuskiesError, Overtaken
from huskies_core.passes.actions import Outcome, PlannedStep, StepResult, Verb
from huskies_core.passes.background_process import last_words, start_detached
from huskies_core.passes.pass_runner import ApplyAll, isolated
from huskies_core.pipeline.events import Start
from huskies_core.pipeline.stages import Backlog
from huskies_core.sanitize import one_line
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import executions, stories, timers, triggers
from huskies_core.store.actions import Continue, Prompt, told
from huskies_core.store.connection import Connection
from huskies_core.store.executions import Claim, Execution, ExecutionStatus
from huskies_core.store.journal import Kind
from huskies_core.store.stories import Criterion, Draft, StoryType
from huskies_core.store.transitions import apply_event
from huskies_core.supervisor.liveness import is_alive, take_lock
from huskies_core.supervisor.run_directory import RunDirectory

TITLE_LENGTH = 100


@dataclass(frozen=True)
class ClaimedExecution:
    """A claimed firing: `task` is the story that a prompt became, `lock` what the process of a tool call is to hold."""

    firing: Execution
    task: int | None = None
    lock: int | None = None


ClaimOne = Callable[[Context, PlannedStep, ExitStack], ClaimedExecution | str]
"""Claims what an action is about, or says why it does not fire. What is to be closed in the end goes on the stack."""


def fire_each(claim_one: ClaimOne) -> ApplyAll:
    """Fires one by one, and tells of the tasks that were made; one that fails never stops the rest."""

    def apply_all(context: Context, actions: tuple[PlannedStep, ...]) -> Iterator[StepResult]:
        for action in actions:
            if action.verb is Verb.END_FIRING:
                yield isolated(action, partial(_end_interrupted, context, action))
                continue
            made: list[PlannedStep] = []
            yield isolated(action, partial(_fire, context, action, claim_one, made))
            yield from (StepResult(task, Outcome.DONE, task.detail) for task in made)

    return apply_all


def claim(
    db: Connection, context: Context, wanted: Claim, criterion: str, held: ExitStack
) -> ClaimedExecution:
    """Claims in the running transaction. All is done with it but a tool call, which goes on when that is committed.

    A story that goes on has its row in the journal by then: that wakes auto-assign.
    """
    now = context.now()
    firing = executions.claim(db, wanted, now=now)
    if isinstance(wanted.deed, Prompt):
        task = _make_task(db, wanted, wanted.deed, criterion, now)
        executions.end(db, firing, ExecutionStatus.DONE, f"story {task}", now=now)
        return ClaimedExecution(firing, task=task)
    if isinstance(wanted.deed, Continue):
        executions.end(db, firing, ExecutionStatus.DONE, told(wanted.deed), now=now)
        return ClaimedExecution(firing)
    lock = take_lock(directory_of(context, firing))
    if lock is None:
        raise Overtaken(f"the lock of firing {firing.id} is held by somebody else", code="already_running")
    held.callback(os.close, lock)
    return ClaimedExecution(firing, lock=lock)


def interrupted(snapshot: Snapshot, kind: Kind) -> tuple[PlannedStep, ...]:
    """The tool calls of timers, or of triggers, that began and will not end: nobody holds their lock."""
    return tuple(
        PlannedStep(
            Verb.END_FIRING,
            detail=f"{firing.source}: {told(firing.deed)} was interrupted",
            subject=str(firing.id),
        )
        for firing in executions.still_open(snapshot.db, kind)
        if not is_alive(directory_of(snapshot.context, firing))
    )


def _end_interrupted(context: Context, action: PlannedStep) -> str:
    """Records that a firing was interrupted, with the last that its process said."""
    with context.store.reading() as db:
        firing = executions.load(db, int(action.subject))
    if firing is None:
        raise Overtaken(f"firing {action.subject} is gone", code="stale")
    record_end(context, firing, ExecutionStatus.INTERRUPTED, last_words(directory_of(context, firing)))
    return action.detail


def record_end(context: Context, firing: Execution, status: ExecutionStatus, detail: str) -> None:
    """Writes how a firing ended, and keeps with its timer or trigger what a person should know. Its folder goes."""
    with context.store.exclusive() as db:
        executions.end(db, firing, status, detail, now=context.now())
        if status is not ExecutionStatus.DONE:
            trouble = f"{status.value}: {told(firing.deed)}{f': {detail}' if detail else ''}"
            table = timers if firing.kind is Kind.TIMER else triggers
            table.note_trouble(db, firing.number, trouble, interrupted=status is ExecutionStatus.INTERRUPTED)
    shutil.rmtree(directory_of(context, firing).path, ignore_errors=True)


def directory_of(context: Context, firing: Execution) -> RunDirectory:
    return RunDirectory(context.project.firing_dir(firing.id))


def _fire(context: Context, action: PlannedStep, claim_one: ClaimOne, made: list[PlannedStep]) -> str:
    with ExitStack() as held:
        fired = claim_one(context, action, held)
        if isinstance(fired, str):
            return fired
        if fired.task is not None:
            source = fired.firing.source.replace(":", " ")
            made.append(PlannedStep(Verb.CREATE_TASK, fired.task, f"asked for by {source}"))
        if fired.lock is not None:
            _set_going(context, fired.firing, fired.lock)
    return action.detail


def _set_going(context: Context, firing: Execution, lock: int) -> None:
    """Starts the process that does the tool call, and does not wait for it. One that cannot start has failed."""
    try:
        start_detached(context, directory_of(context, firing), lock, "perform", str(firing.id))
    except OSError as error:
        record_end(context, firing, ExecutionStatus.FAILED, str(error))
        raise HuskiesError(f"the tool call could not be started: {error}") from error


def _make_task(db: Connection, wanted: Claim, prompt: Prompt, criterion: str, now: datetime) -> int:
    """A task in coding, made and started in the name of its timer or trigger."""
    draft = Draft(_title(prompt.text, criterion), StoryType.TASK, prompt.text, (Criterion(criterion),))
    task = stories.add(db, draft, Backlog(), actor=wanted.source, now=now)
    apply_event(db, task.id, Start(), visit=task.visit, actor=wanted.source, now=now)
    return task.id


def _title(text: str, criterion: str) -> str:
    """The first line that says something; the criterion where none does: all that a prompt names may be empty."""
    title = next(filter(None, map(one_line, text.splitlines())), one_line(criterion))
    return title if len(title) <= TITLE_LENGTH else f"{title[: TITLE_LENGTH - 1]}…"
