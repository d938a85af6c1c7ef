"""Ending a run from outside and making sure of it. Nothing is recorded here but what the killing is for."""

import json
import os
import select
import signal
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial

from huskies_core.atomic_file import replace_file
from huskies_core.supervisor.liveness import is_alive
from huskies_core.supervisor.processes import (
    GRACE_SECS,
    Process,
    descendants,
    end_processes,
    find_process,
    list_processes,
    marked_processes,
    send_signal,
    send_termination,
    wait_for_exit,
)
from huskies_core.supervisor.run_directory import RunDirectory

_INTRODUCTION_SECS = 1.0
# The shim gives its processes 2 s and 0.7 s; with less than that it would die before it has written the end.
_SHIM_SECS = 3.0
_LAST_SECS = 0.3
_LOOK_MS = 20


@dataclass(frozen=True)
class KillResult:
    """`gone`: nobody holds the run's lock and nothing carries its mark. What else lives is in `survivors`."""

    gone: bool
    survivors: tuple[Process, ...]


def kill_run(directory: RunDirectory, intent: Mapping[str, object]) -> KillResult:
    """Ends the run's shim and all that runs below it or carries its mark, in less than 5 s.

    Then waits 3 s at most for who records its end, should a pass have found it dead first.

    First leaves `intent` in kill.json, so that whoever records the end knows what it was for should the
    caller die, and so that a run that is still being made ready never starts. A shim that is through with its
    steps is left to finish as `advance`; only when that hangs it is killed as well. Raises HuskiesError when
    the run has no folder, or no readable spec.json.
    """
    if not os.path.exists(directory.lock):
        directory.read_spec()
    replace_file(directory.kill, json.dumps(dict(intent)).encode(), durable=True)
    if not os.path.exists(directory.spec):
        # `launch` writes spec.json and then looks for kill.json, which is there: it starts nothing any more.
        return KillResult(gone=_outwait_holder(directory), survivors=())
    spec = directory.read_spec()
    grace = GRACE_SECS
    if is_alive(directory):
        _stop_shim(directory)
        grace = 0.0
    left = end_processes(partial(marked_processes, spec.run_id, spec.project), wait_for_exit, grace=grace)
    # Who holds the lock now is neither the shim nor below it: a pass that found the run dead records its end.
    return KillResult(gone=not left and _outwait_holder(directory), survivors=left)


def _outwait_holder(directory: RunDirectory) -> bool:
    """Whether the run's lock is free, or becomes so in a moment."""
    deadline = time.monotonic() + _SHIM_SECS
    while is_alive(directory) and time.monotonic() < deadline:
        select.poll().poll(_LOOK_MS)
    return not is_alive(directory)


def end_marked_processes(run_id: int, project: str) -> KillResult:
    """For a run that crashed: ends what still carries its mark, in less than 3 s. `gone` means just that."""
    left = end_processes(partial(marked_processes, run_id, project), wait_for_exit)
    return KillResult(gone=not left, survivors=left)


def _stop_shim(directory: RunDirectory) -> None:
    """Lets the shim end its processes and then itself; if it does not in time, all of them get SIGKILL."""
    shim = _find_shim(directory)
    if shim is None:
        return
    if not os.path.exists(directory.exit):
        send_termination(shim)
    if wait_for_exit((shim,), _SHIM_SECS):
        return
    if not os.path.exists(directory.exit):
        end_processes(partial(_below, shim), wait_for_exit, grace=0)
    send_signal(shim, signal.SIGKILL)
    wait_for_exit((shim,), _LAST_SECS)


def _below(shim: Process) -> Collection[Process]:
    return descendants(shim.pid, list_processes())


def _find_shim(directory: RunDirectory) -> Process | None:
    """The shim if it lives. It may have taken the lock over and not yet said who it is."""
    deadline = time.monotonic() + _INTRODUCTION_SECS
    while (record := directory.read_shim()) is None and is_alive(directory) and time.monotonic() < deadline:
        select.poll().poll(_LOOK_MS)
    found = record and find_process(record.pid)
    return found if found and record and found.started == record.started else None
