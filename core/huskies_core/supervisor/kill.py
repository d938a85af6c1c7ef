"""Kill a run from outside and verify that it is dead. The only record is the reason, in kill.json."""

import json
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from huskies_core.atomic_file import replace_file
from huskies_core.errors import HuskiesError
from huskies_core.supervisor import processes
from huskies_core.supervisor.processes import GRACE_SECS, Process
from huskies_core.supervisor.run_directory import RunDirectory, is_alive
from huskies_core.waiting import wait_until

_SHIM_RECORD_SECS = 1.0
# The supervisor gives its processes 2 s and 0.7 s. With less time it would die before it writes exit.json.
_SHIM_SECS = 3.0
_SIGKILL_SECS = 0.3


@dataclass(frozen=True)
class KillResult:
    """`ended`: no process has the run's lock or its mark. `survivors` are the processes that still live."""

    ended: bool
    survivors: tuple[Process, ...]


def kill_run(directory: RunDirectory, intent: Mapping[str, object]) -> KillResult:
    """Kill the run's supervisor and every process below it or with its mark, in less than 5 s.

    First write `intent` to kill.json: the process that records the end reads the reason there if the caller dies, and a
    run that is being prepared does not start. A supervisor that has finished its steps may finish as `advance`; only if
    it hangs, it is killed as well. At the end, wait up to 3 s for a pass that found the run dead first and records its
    end. Raise HuskiesError when the run has no folder. A damaged spec.json or shim.json does not prevent the kill.
    """
    _require_run(directory)
    replace_file(directory.kill, json.dumps(dict(intent)).encode(), durable=True)
    if not os.path.exists(directory.spec):
        # `launch` writes spec.json and then looks for kill.json, which exists now: it starts nothing.
        return KillResult(ended=_wait_for_lock(directory), survivors=())
    grace = GRACE_SECS
    if is_alive(directory):
        _stop_shim(directory)
        grace = 0.0
    result = end_marked_processes(*_read_mark(directory), grace=grace)
    # Neither the supervisor nor a process below it has the lock now: a pass that found the run dead records its end.
    return replace(result, ended=result.ended and _wait_for_lock(directory))


def _require_run(directory: RunDirectory) -> None:
    """Raise HuskiesError if the directory has neither the lock of a run nor a readable spec.json."""
    if not os.path.exists(directory.lock):
        directory.read_spec()


def _read_mark(directory: RunDirectory) -> tuple[int, str]:
    """Return the run and the project in the mark of its processes, from its path if spec.json is damaged."""
    try:
        spec = directory.read_spec()
    except HuskiesError:
        return directory.run_id, os.path.abspath(os.path.join(directory.path, "../../.."))
    return spec.run_id, spec.project


def _wait_for_lock(directory: RunDirectory) -> bool:
    """Return whether the run's lock becomes free in time."""
    return wait_until(lambda: not is_alive(directory), _SHIM_SECS)


def end_marked_processes(run_id: int, project: str, *, grace: float = GRACE_SECS) -> KillResult:
    """Kill the processes that still have the mark of a crashed run, in less than 3 s. Ignore the run's lock."""
    survivors = processes.end_processes(partial(processes.marked_processes, run_id, project), grace=grace)
    return KillResult(ended=not survivors, survivors=survivors)


def _stop_shim(directory: RunDirectory) -> None:
    """Let the supervisor end its processes and then itself. After a timeout, send SIGKILL to all of them."""
    shim = _find_shim(directory)
    if shim is None:
        return
    if not os.path.exists(directory.exit):
        processes.send_termination(shim)
    if processes.wait_for_exit((shim,), _SHIM_SECS):
        return
    if not os.path.exists(directory.exit):
        processes.end_processes(partial(processes.descendants, shim.pid), grace=0)
    processes.send_signal(shim, signal.SIGKILL)
    processes.wait_for_exit((shim,), _SIGKILL_SECS)


def _find_shim(directory: RunDirectory) -> Process | None:
    """Return the process of the supervisor if it is alive.

    The supervisor takes over the lock before it writes shim.json, so wait for that. Return None if shim.json is
    damaged: the supervisor ends after its processes.
    """
    wait_until(lambda: os.path.exists(directory.shim) or not is_alive(directory), _SHIM_RECORD_SECS)
    try:
        record = directory.read_shim()
    except HuskiesError:
        return None
    process = record and processes.find_process(record.pid)
    return process if process and record and process.started == record.started else None
