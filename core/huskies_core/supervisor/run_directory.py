"""Files of one run: their paths, records and lock. A damaged file raises an error; it never counts as missing.

A process has the flock of the file `lock` while the run is alive. The kernel releases it when the process dies.
"""

import fcntl
import json
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, replace
from typing import TypeVar

from huskies_core.atomic_file import replace_file, sync_folder
from huskies_core.errors import HuskiesError, Overtaken
from huskies_core.ids import RunId
from huskies_core.runtimes.json_lines import load
from huskies_core.supervisor.record_parsing import parse_record
from huskies_core.supervisor.records import Exit, Progress, RunSpec, ShimRecord, StepEnd
from huskies_core.waiting import wait_until

Record = TypeVar("Record")
_LATEST = 253_402_300_799
"""The last second of the year 9999, after which Python has no times."""
LOCK_FD_VARIABLE = "HUSKIES_RUN_LOCK_FD"
_PROBE_SECS = 0.2
_RESERVED_BYTES = 16 * 1024


class RunDirectory:
    """`.huskies/runs/<id>`. Its attributes are paths, which need not exist."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(path)
        self.lock = os.path.join(self.path, "lock")
        self.spec = os.path.join(self.path, "spec.json")
        self.prompt = os.path.join(self.path, "prompt.md")
        self.mcp_config = os.path.join(self.path, "mcp.json")
        self.output = os.path.join(self.path, "output.log")
        self.progress = os.path.join(self.path, "progress.json")
        self.exit = os.path.join(self.path, "exit.json")
        self.kill = os.path.join(self.path, "kill.json")
        self.shim = os.path.join(self.path, "shim.json")
        self.shim_log = os.path.join(self.path, "shim.log")
        self.advance_log = os.path.join(self.path, "advance.log")

    @property
    def run_id(self) -> RunId:
        return RunId(int(os.path.basename(self.path)))

    def clear(self) -> None:
        """Remove all files but the lock. A run of the same number in an earlier store may have left them."""
        for entry in os.scandir(self.path):
            if entry.path != self.lock:
                os.unlink(entry.path)

    def write_prompt(self, text: str) -> None:
        replace_file(self.prompt, text.encode(errors="surrogateescape"))

    def read_spec(self) -> RunSpec:
        """Return the spec without the values of the environment. Raise HuskiesError if it is missing or damaged."""
        spec = _read(self.spec, lambda content: RunSpec.from_json(content, {}))
        if spec is None:
            fact = f"{self.spec} is missing"
            raise HuskiesError(fact, hint="The run was never started.", code="run_directory")
        return spec

    def read_progress(self) -> Progress | None:
        return _read(self.progress, lambda content: parse_record(Progress, load(content)))

    def read_exit(self) -> Exit | None:
        """Return how the run ended. None: it is still running, or its lock is free and it crashed."""
        return _read(self.exit, _parse_exit)

    def read_kill(self) -> Mapping[str, object] | None:
        return _read(self.kill, lambda content: dict(load(content)))

    def read_shim(self) -> ShimRecord | None:
        return _read(self.shim, lambda content: parse_record(ShimRecord, json.loads(content)))

    def read_output(self, step: StepEnd, limit: int = 20_000) -> str:
        """Return the last `limit` bytes of the step's output; "" if the log is missing. Replace what is not UTF-8."""
        with suppress(FileNotFoundError), open(self.output, "rb") as log:
            end = min(step.offset + step.length, os.fstat(log.fileno()).st_size)
            start = max(0, step.offset, end - limit)
            if start < end:
                log.seek(start)
                return log.read(end - start).decode(errors="replace")
        return ""


def _parse_exit(content: bytes) -> Exit:
    record = parse_record(Exit, load(content))
    times = (record.started_at, record.at, *(step.started_at for step in record.steps))
    if not all(0 <= time <= _LATEST for time in times):
        raise ValueError("it has a time that no clock shows")
    return record


def _read(path: str, parse: Callable[[bytes], Record]) -> Record | None:
    try:
        with open(path, "rb") as file:
            content = file.read()
    except FileNotFoundError:
        return None
    try:
        return parse(content)
    except (ValueError, TypeError, RecursionError) as error:
        fact, hint = f"{path} is damaged: {error}", "Look at the run's other files."
        raise HuskiesError(fact, hint=hint, code="run_directory") from error


def take_lock(directory: RunDirectory) -> int | None:
    """Lock the run and create its folder. Return the descriptor, or None when another process has the lock.

    A probe shares the lock for some microseconds. Wait for probes for at most 0.2 s.

    The caller closes the descriptor. It must not use LOCK_UN: the shim inherits the descriptor and keeps the lock. If
    this process dies here, the lock is free again.
    """
    os.makedirs(directory.path, mode=0o700, exist_ok=True)
    descriptor = os.open(directory.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if wait_until(lambda: _can_decide(descriptor), _PROBE_SECS, poll_ms=1) and _try_lock(
        descriptor, fcntl.LOCK_EX
    ):
        return descriptor
    os.close(descriptor)
    return None


def _can_decide(descriptor: int) -> bool:
    """Take the exclusive lock, or return whether another process has it. Return False while a probe shares it."""
    if _try_lock(descriptor, fcntl.LOCK_EX) or not _try_lock(descriptor, fcntl.LOCK_SH):
        return True
    # Two takers that keep their shared locks would keep each other out.
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False


def hold_lock(directory: RunDirectory, name: str, locks: ExitStack) -> int:
    """Take a free lock. The exit of `locks` releases it in this process. Raise Overtaken if another process has it."""
    lock = take_lock(directory)
    if lock is None:
        raise Overtaken(f"another process has the lock of {name}", code="already_running")
    locks.callback(os.close, lock)
    return lock


def is_alive(directory: RunDirectory) -> bool:
    """Return whether a process has the run's lock, from the claim to the recorded end. Never wait."""
    return is_locked(directory.lock)


def is_locked(path: str | os.PathLike[str]) -> bool:
    """Return whether a process has the exclusive lock of the file. Never wait. A missing file is not locked."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def adopt_lock(directory: RunDirectory, environ: Mapping[str, str]) -> int | None:
    """Return the descriptor that the shim left to `advance` if it is this run's lock. Keep it from children."""
    number = environ.get(LOCK_FD_VARIABLE, "")
    try:
        if not number.isdecimal() or not os.path.samestat(os.fstat(int(number)), os.stat(directory.lock)):
            return None
    except OSError:
        return None
    fcntl.fcntl(int(number), fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    return int(number)


def _try_lock(descriptor: int, operation: int) -> bool:
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class ExitFile:
    """A file that becomes exit.json. It reserves disk space, so that a full disk does not prevent the record.

    If the shim dies first, exit.json is missing: the run crashed.
    """

    def __init__(self, directory: RunDirectory) -> None:
        """Raise OSError when the disk has no room for the file. Then no run may start."""
        self._directory, self._reserved = directory, f"{directory.exit}.reserved"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        self._descriptor = os.open(self._reserved, flags, 0o600)
        _write_all(self._descriptor, b" " * _RESERVED_BYTES)
        os.fsync(self._descriptor)

    def publish(self, result: Exit) -> None:
        """Write the result, rename the file to exit.json and sync both. Shorten texts that do not fit."""
        content = json.dumps(asdict(result)).encode()
        if len(content) > _RESERVED_BYTES:
            content = json.dumps(asdict(_shorten(result))).encode()
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        _write_all(self._descriptor, content)
        os.ftruncate(self._descriptor, len(content))
        os.fsync(self._descriptor)
        os.rename(self._reserved, self._directory.exit)
        sync_folder(self._directory.path)


def _shorten(result: Exit) -> Exit:
    """Cut the texts. The figures, which costs depend on, stay."""
    steps = tuple(replace(step, detail=step.detail[:100]) for step in result.steps)
    progress = replace(result.progress, last_words=result.progress.last_words[-1000:])
    return replace(result, steps=steps, progress=progress, survivors=result.survivors[:20])


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]
