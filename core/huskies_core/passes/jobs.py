"""Jobs: work that a pass claims in the store and starts in a separate process.

The process holds the lock of the job from the claim to the recorded end, as a supervisor does for a run. An open job
with a free lock was interrupted; Huskies does not start it again.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from msgspec import Struct

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.ids import ExecutionId, NotificationId
from huskies_core.passes.steps import PlannedStep
from huskies_core.sanitize import one_line, tail
from huskies_core.store.connection import Connection
from huskies_core.store.executions import Execution
from huskies_core.store.notifications import Notification
from huskies_core.supervisor.run_directory import LOCK_FD_VARIABLE, RunDirectory, adopt_lock, is_alive

Row = TypeVar("Row", Execution, Notification)
Id = TypeVar("Id", ExecutionId, NotificationId)
_IN_BACKGROUND = '"$@" &'
"""A shell that starts the process and ends at once, so that the process outlives a watch and leaves no zombie in it."""


class EndJob(PlannedStep, frozen=True, kw_only=True):
    """The end of an open job with a dead process, by the id of its row."""

    number: int


class Job(Struct, frozen=True):
    """An open row of the store and the command that does its work.

    `fail` ends the row with the reason why the process could not start. `interrupt` ends it with the last output of a
    process that died.
    """

    name: str
    directory: RunDirectory
    command: tuple[str, ...]
    fail: Callable[[str], None]
    interrupt: Callable[[str], None]

    @property
    def is_interrupted(self) -> bool:
        return not is_alive(self.directory)


def start_job(context: Context, job: Job, lock: int) -> None:
    """Start the process of a job with its lock, and do not wait for it. Its output goes to the job's directory.

    If the process cannot start, record the failure and raise HuskiesError.
    """
    argv = context.own_command(*job.command)
    try:
        with open(job.directory.output, "ab") as log:
            subprocess.run(
                ["/bin/sh", "-c", _IN_BACKGROUND, "sh", *argv],
                cwd=context.project.root,
                env={**context.environ, LOCK_FD_VARIABLE: str(lock)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(lock,),
            )
    except OSError as error:
        job.fail(f"could not be started: {error}")
        raise HuskiesError(f"{job.name} could not be started: {error}") from error


def end_interrupted(job: Job) -> None:
    """Record that the job was interrupted, with the last output of its process."""
    job.interrupt(_last_output(job.directory))


@contextmanager
def adopted(
    context: Context,
    find: Callable[[Connection, Id], Row | None],
    number: Id,
    directory: RunDirectory,
    name: str,
) -> Iterator[Row]:
    """Hold the lock that `start_job` passed to this process, and yield the open row of the job.

    Raise HuskiesError `not_yours` if the job is not open or the process has no lock.
    """
    with context.store.reading() as db:
        row = find(db, number)
    is_open = row is not None and row.status.value == "open"
    lock = adopt_lock(directory, context.environ) if is_open else None
    if row is None or lock is None:
        hint = "A pass claims each execution and each notification and starts its process, once."
        raise HuskiesError(f"no process may be started for {name} by hand", hint=hint, code="not_yours")
    try:
        yield row
    finally:
        os.close(lock)


def _last_output(directory: RunDirectory) -> str:
    """Return the end of a process's output on one line; empty if there is no output."""
    try:
        with open(directory.output, errors="replace") as log:
            return one_line(tail(log.read().strip(), 200))
    except FileNotFoundError:
        return ""
