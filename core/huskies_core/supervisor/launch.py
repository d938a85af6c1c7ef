"""Launch of a run: start its supervisor as a process of its own session, and wait until it has taken over."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping

from huskies_core.atomic_file import replace_file
from huskies_core.errors import HuskiesError
from huskies_core.supervisor.records import RunSpec
from huskies_core.supervisor.run_directory import RunDirectory

_TAKEOVER_SECS = 15.0


def launch(directory: RunDirectory, lock_fd: int, spec: RunSpec, *, shim_env: Mapping[str, str]) -> int:
    """Start the supervisor of a run after take_lock. Return its pid once it has taken over the lock.

    `shim_env` is the environment of the supervisor and of `advance`. Leave spec.json, shim.json and a locked run; the
    caller closes lock_fd in any case. Raise HuskiesError when the supervisor cannot start or kill.json exists: then no
    process runs. If the caller dies in between, either the supervisor has taken over, or no process runs and the lock
    is free.
    """
    ready, ready_write_end = os.pipe()
    try:
        _start_shim(directory, spec, shim_env, (lock_fd, ready_write_end))
        answer = _read_answer(ready)
    except OSError as error:
        raise _launch_failed(str(error)) from error
    finally:
        os.close(ready)
    if not answer.isdecimal():
        with open(directory.shim_log, encoding="utf-8", errors="replace") as log:
            lines = log.read().split("\n")
        raise _launch_failed(answer or next(filter(str.strip, reversed(lines)), ""))
    return int(answer)


def _start_shim(
    directory: RunDirectory, spec: RunSpec, shim_env: Mapping[str, str], descriptors: tuple[int, int]
) -> None:
    """Start the supervisor and wait for its first process only, which exits when the second one, an orphan, continues.

    The environment goes to its stdin: argv is public, and a file would keep the secrets. Close the second of
    `descriptors`.
    """
    module = ("-P", "-m", "huskies_core.supervisor.shim")
    argv = (sys.executable, *module, directory.path, *map(str, descriptors))
    try:
        replace_file(directory.spec, spec.to_json().encode())
        # kill_run writes kill.json and then looks for spec.json, so one of the two sees the other's file.
        if os.path.exists(directory.kill):
            raise HuskiesError("the run was stopped before it began", code="ended_early")
        with open(directory.shim_log, "ab") as log:
            shim = subprocess.Popen(
                argv,
                cwd="/",
                env=dict(shim_env),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=descriptors,
            )
    finally:
        os.close(descriptors[1])
    with shim:
        try:
            shim.communicate(json.dumps(dict(spec.env)).encode(), timeout=_TAKEOVER_SECS)
        except subprocess.TimeoutExpired:
            shim.kill()


def _read_answer(ready: int) -> str:
    """Return the supervisor's answer: its pid or an error. Return "" when it died or did not answer in time.

    A late supervisor finds the pipe without a reader and starts nothing.
    """
    answer, deadline, poll = b"", time.monotonic() + _TAKEOVER_SECS, select.poll()
    poll.register(ready, select.POLLIN)
    while poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        data = os.read(ready, 4096)
        if not data:
            return answer.decode(errors="replace")
        answer += data
    return ""


def _launch_failed(reason: str) -> HuskiesError:
    fact = f"the run's supervisor did not start: {reason or 'no answer'}"
    return HuskiesError(fact, hint="Look at shim.log in the run's directory.", code="launch_failed")
