"""Supervisor process of one run: `python -P -m huskies_core.supervisor.shim DIRECTORY LOCK_FD READY_FD`.

Only launch starts it. It uses the standard library only and no threads (a parent-death signal belongs to a thread).
Its order: leave the launcher's session and control group, reserve space for exit.json, write shim.json, answer the
launcher, run the steps, write exit.json, become `advance`. It keeps the run's lock until the end of `advance`.
"""

import fcntl
import json
import os
import sys
from dataclasses import asdict
from importlib import import_module
from typing import NoReturn

from huskies_core.atomic_file import replace_file
from huskies_core.supervisor.processes import find_process
from huskies_core.supervisor.records import RunSpec, ShimRecord
from huskies_core.supervisor.run_directory import LOCK_FD_VARIABLE, ExitFile, RunDirectory
from huskies_core.supervisor.scope import leave_control_group
from huskies_core.supervisor.spawn import adopt_orphans, reset_all, stop_adopting
from huskies_core.supervisor.step_loop import Supervisor
from huskies_core.supervisor.step_watch import Wakeup

# Each user of a database has a shared lock on these bytes: SHARED_FIRST and SHARED_SIZE of
# https://www.sqlite.org/src/file/src/os.h, part of the file format since 3.0.
_FIRST = 0x40000000 + 2
_SIZE = 510


def main(path: str, lock: int, ready: int) -> None:
    directory = RunDirectory(path)
    env = json.load(sys.stdin)
    with open(directory.spec, "rb") as file:
        spec = RunSpec.from_json(file.read(), env)
    if os.fork():
        os._exit(0)  # The launcher waits for this process, not for the run: no zombie is left to it.
    for descriptor in (lock, ready):
        fcntl.fcntl(descriptor, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    wakeup = Wakeup()
    adopt_orphans()
    try:
        pin_database(spec.held_database)
        exit_file = ExitFile(directory)
        supervisor = Supervisor(directory, spec, import_module(spec.reader).make_reader(), wakeup)
        _write_shim_record(directory, spec)
    except OSError as error:
        os.write(ready, str(error).encode(errors="replace"))
        return
    # A launcher that gave up has closed its end: BrokenPipeError ends this process, and no step runs.
    os.write(ready, str(os.getpid()).encode())
    os.close(ready)
    exit_file.publish(supervisor.run())
    if not wakeup.stop_requested:
        _become_advance(directory, spec, lock)


def pin_database(database: str | None) -> None:
    """Keep SQLite from deleting the -wal file while this process lives; it does so when the last connection closes.

    The sandbox would not show a new -wal file. The descriptor stays open on purpose: closing it releases the lock.
    """
    if database is None:
        return
    descriptor = os.open(database, os.O_RDONLY | os.O_CLOEXEC)
    fcntl.lockf(descriptor, fcntl.LOCK_SH, _SIZE, _FIRST)


def _write_shim_record(directory: RunDirectory, spec: RunSpec) -> None:
    detached = leave_control_group(f"huskies-{spec.run_id}-{os.getpid()}")
    process = find_process(os.getpid())
    record = ShimRecord(os.getpid(), process.started if process else 0.0, detached)
    replace_file(directory.shim, json.dumps(asdict(record)).encode())


def _become_advance(directory: RunDirectory, spec: RunSpec, lock: int) -> NoReturn:
    """Execute `advance`. exec keeps ignored signals, the mask and the subreaper flag, so reset all of them first."""
    log = os.open(directory.advance_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor, number in ((os.open(os.devnull, os.O_RDONLY), 0), (log, 1), (log, 2)):
        os.dup2(descriptor, number)
    os.chdir(spec.project)
    fcntl.fcntl(lock, fcntl.F_SETFD, 0)
    stop_adopting()
    reset_all()
    os.execvpe(spec.advance[0], spec.advance, {**os.environ, LOCK_FD_VARIABLE: str(lock)})


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
