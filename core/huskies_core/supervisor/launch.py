"""Starting a run: the shim is another process, in another session, by the time this returns."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping

from huskies_core.atomic_file import replace_file
from huskies_core.errors import HuskiesError
from huskies_core.supervisor.run_directory import RunDirectory
from huskies_core.supervisor.spec import RunSpec

_TAKEOVER_SECS = 15.0


def launch(directory: RunDirectory, lock_fd: int, spec: RunSpec, *, shim_env: Mapping[str, str]) -> int:
    """Starts the run whose lock the caller holds (take_lock); the pid of its shim, which has taken over.

    Leaves spec.json, shim.json and a locked run behind; the caller closes lock_fd, whatever comes of it.
    Raises HuskiesError when the shim cannot start, or kill.json says that it must not: then nothing runs.
    Dies the caller on the way, either the shim has taken over or nothing runs and the lock is free. `shim_env`
    is what `advance` will run with.
    """
    ready, tell = os.pipe()
    try:
        _start_shim(directory, spec, shim_env, (lock_fd, tell))
        answer = _read_answer(ready)
    except OSError as error:
        raise _failure(str(error)) from error
    finally:
        os.close(ready)
    if not answer.isdecimal():
        raise _failure(answer or _last_line(directory.shim_log))
    return int(answer)


def _start_shim(
    directory: RunDirectory, spec: RunSpec, shim_env: Mapping[str, str], descriptors: tuple[int, int]
) -> None:
    """Waits for the shim's first process only, which ends as soon as the second, no child of ours, goes on.

    The environment goes through its stdin: argv is for all to see, and a file would keep its keys. Closes the
    second of `descriptors`.
    """
    argv = (
        sys.executable,
        "-P",
        "-m",
        "huskies_core.supervisor.shim",
        directory.path,
        *map(str, descriptors),
    )
    try:
        replace_file(directory.spec, spec.to_json().encode())
        # In this order: who kills writes kill.json and then looks for spec.json, so one of both sees the other.
        if os.path.exists(directory.kill):
            raise HuskiesError("the run was ended before it began", code="ended_early")
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
        _hand_over(shim, json.dumps(dict(spec.env)).encode())


def _hand_over(shim: subprocess.Popen[bytes], env: bytes) -> None:
    try:
        shim.communicate(env, timeout=_TAKEOVER_SECS)
    except subprocess.TimeoutExpired:
        shim.kill()


def _read_answer(ready: int) -> str:
    """Until the shim closes its end; empty when it died, or said nothing in time: then its answer will not
    reach us, and without a reader it goes no further.
    """
    answer = b""
    deadline = time.monotonic() + _TAKEOVER_SECS
    poll = select.poll()
    poll.register(ready, select.POLLIN)
    while poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        data = os.read(ready, 4096)
        if not data:
            return answer.decode(errors="replace")
        answer += data
    return ""


def _failure(reason: str) -> HuskiesError:
    return HuskiesError(
        f"the run's supervisor did not start: {reason or 'no answer'}",
        hint="Look at shim.log in the run's directory.",
        code="launch_failed",
    )


def _last_line(path: str) -> str:
    with open(path, "rb") as log:
        lines = log.read().decode(errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "")
