"""Execute the actions of timers and triggers. Each execution is claimed once and never begins again.

A prompt becomes a task in the transaction of the claim. A tool call is a job that runs in its own process.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar, assert_never

from huskies_core.context import Context
from huskies_core.errors import Overtaken
from huskies_core.passes.attempt import StepOutcome, attempt
from huskies_core.passes.jobs import Job, end_interrupted, lock_job, start_job
from huskies_core.passes.pass_runner import ApplyAll
from huskies_core.passes.steps import PlannedStep, StepResult, Verb
from huskies_core.pipeline.events import Start
from huskies_core.pipeline.stages import Backlog
from huskies_core.sanitize import one_line
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import executions, stories, timers, triggers
from huskies_core.store.actions import Continue, TaskPrompt, ToolCall, describe
from huskies_core.store.connection import Connection
from huskies_core.store.executions import Execution, ExecutionClaim, ExecutionStatus
from huskies_core.store.journal import JournalKind
from huskies_core.store.stories import Criterion, StoryDraft, StoryType
from huskies_core.store.transitions import apply_event
from huskies_core.supervisor.run_directory import RunDirectory

TITLE_LENGTH = 100


@dataclass(frozen=True, kw_only=True)
class EndExecution(PlannedStep):
    execution: int


@dataclass(frozen=True)
class ClaimedExecution:
    """A claimed execution. `task` is the story from a prompt, `lock` the lock for the process of a tool call."""

    execution: Execution
    task: int | None = None
    lock: int | None = None


Step = TypeVar("Step", bound=PlannedStep)
ClaimOne = Callable[[Context, Step, ExitStack], ClaimedExecution | str]
"""A function that claims the planned execution, or returns the reason why it does not run. The stack releases locks."""


def execute_each(claim_one: ClaimOne[Step]) -> ApplyAll[Step | EndExecution]:
    """Return a function that executes the steps in turn, continues after a failure and reports created tasks."""

    def apply_all(context: Context, steps: tuple[Step | EndExecution, ...]) -> Iterator[StepResult]:
        for step in steps:
            task: PlannedStep | None = None
            with attempt() as attempted:
                if isinstance(step, EndExecution):
                    _end_interrupted(context, step)
                else:
                    attempted.message, task = _execute(context, step, claim_one)
            yield StepResult.of(step, attempted)
            if task is not None:
                yield StepResult(task, StepOutcome.DONE, task.detail)

    return apply_all


def claim(
    db: Connection, context: Context, request: ExecutionClaim, criterion: str, locks: ExitStack
) -> ClaimedExecution:
    """Claim in the running transaction, and complete every action but a tool call, which starts after the commit.

    For a story that continues, the journal row of the claim makes auto-assign due.
    """
    now = context.now()
    execution = executions.claim(db, request, now=now)
    match request.action:
        case TaskPrompt():
            task = _make_task(db, request, request.action, criterion, now)
            executions.end(db, execution, ExecutionStatus.DONE, f"story {task}", now=now)
            return ClaimedExecution(execution, task=task)
        case Continue():
            executions.end(db, execution, ExecutionStatus.DONE, describe(request.action), now=now)
            return ClaimedExecution(execution)
        case ToolCall():
            name = f"execution {execution.id}"
            lock = lock_job(directory_of(context, execution), name, locks)
            return ClaimedExecution(execution, lock=lock)
        case _:
            assert_never(request.action)


def interrupted(snapshot: Snapshot, kind: JournalKind) -> tuple[EndExecution, ...]:
    """Return a step for each open tool call, of timers or of triggers, with a dead process."""
    return tuple(
        EndExecution(
            Verb.END_FIRING,
            detail=f"{execution.source}: {describe(execution.action)} was interrupted",
            execution=execution.id,
        )
        for execution in executions.still_open(snapshot.db, kind)
        if _job(snapshot.context, execution).is_interrupted
    )


def record_end(context: Context, execution: Execution, status: ExecutionStatus, detail: str) -> None:
    """Record the end of an execution, and its problem in the row of its timer or trigger. Remove its directory."""
    with context.store.exclusive() as db:
        executions.end(db, execution, status, detail, now=context.now())
        if status is not ExecutionStatus.DONE:
            problem = f"{status.value}: {describe(execution.action)}{f': {detail}' if detail else ''}"
            table = timers if execution.kind is JournalKind.TIMER else triggers
            table.note_problem(
                db, execution.number, problem, interrupted=status is ExecutionStatus.INTERRUPTED
            )
    shutil.rmtree(directory_of(context, execution).path, ignore_errors=True)


def directory_of(context: Context, execution: Execution) -> RunDirectory:
    return RunDirectory(context.project.execution_dir(execution.id))


def _job(context: Context, execution: Execution) -> Job:
    return Job(
        "the tool call",
        directory_of(context, execution),
        command=("perform", str(execution.id)),
        fail=partial(record_end, context, execution, ExecutionStatus.FAILED),
        interrupt=partial(record_end, context, execution, ExecutionStatus.INTERRUPTED),
    )


def _execute(context: Context, step: Step, claim_one: ClaimOne[Step]) -> tuple[str, PlannedStep | None]:
    """Return the detail of the result, and the step that reports a created task."""
    with ExitStack() as locks:
        claimed = claim_one(context, step, locks)
        if isinstance(claimed, str):
            return claimed, None
        if claimed.lock is not None:
            start_job(context, _job(context, claimed.execution), claimed.lock)
        if claimed.task is None:
            return step.detail, None
        source = claimed.execution.source.replace(":", " ")
        return step.detail, PlannedStep(Verb.CREATE_TASK, claimed.task, f"created by {source}")


def _end_interrupted(context: Context, step: EndExecution) -> None:
    with context.store.reading() as db:
        execution = executions.load(db, step.execution)
    if execution is None:
        raise Overtaken(f"execution {step.execution} is no longer in the store", code="stale")
    end_interrupted(_job(context, execution))


def _make_task(
    db: Connection, request: ExecutionClaim, prompt: TaskPrompt, criterion: str, now: datetime
) -> int:
    """Add a task for a prompt and start it, with the timer or trigger as the actor. Return its id."""
    draft = StoryDraft(_title(prompt.text, criterion), StoryType.TASK, prompt.text, (Criterion(criterion),))
    task = stories.add(db, draft, Backlog(), actor=request.source, now=now)
    apply_event(db, task.id, Start(), visit=task.visit, actor=request.source, now=now)
    return task.id


def _title(text: str, criterion: str) -> str:
    """Return the first line with text, or the criterion if all variables of the prompt are empty."""
    title = next(filter(None, map(one_line, text.splitlines())), one_line(criterion))
    return title if len(title) <= TITLE_LENGTH else f"{title[: TITLE_LENGTH - 1]}…"
