"""Running the steps of a run one by one, until one fails, a limit is passed or the end is asked for."""

import math
import os
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from huskies_core.runtimes.runtime import Reader, plausible_end
from huskies_core.supervisor.limits import Elapsed, find_hit, limits_of, seconds_left
from huskies_core.supervisor.processes import (
    Process,
    descendants,
    end_processes,
    list_processes,
    marked_processes,
)
from huskies_core.supervisor.progress import ProgressFile, measure
from huskies_core.supervisor.records import Exit, LimitHit, StepEnd
from huskies_core.supervisor.run_directory import RunDirectory
from huskies_core.supervisor.signals import Wakeup
from huskies_core.supervisor.spawn import spawn
from huskies_core.supervisor.spec import Role, RunSpec, Step
from huskies_core.supervisor.step_watch import Watch
from huskies_core.supervisor.stream import LineFeed, OutputLog

_LONGEST_WAIT = 3600.0
_HEADED = (Role.SETUP, Role.GATE)


@dataclass(frozen=True)
class _Start:
    """Where and when a step began."""

    at: float
    clock: float
    offset: int


class Supervisor:
    """One run from its first step to its end. Its counts die with it, but for those in progress.json."""

    def __init__(self, directory: RunDirectory, spec: RunSpec, reader: Reader, wakeup: Wakeup) -> None:
        self._spec = spec
        self._reader = reader
        self._wakeup = wakeup
        self._log = OutputLog(directory.output)
        self._progress = ProgressFile(directory.progress)
        self._began = _Start(time.time(), time.monotonic(), 0)
        self._limit: LimitHit | None = None
        self._survivors: tuple[Process, ...] = ()

    def run(self) -> Exit:
        """Runs the steps. Nothing that they started lives afterwards, but for the survivors it names."""
        ends: list[StepEnd] = []
        for step in self._spec.steps:
            if self._wakeup.stop_asked:
                break
            ends.append(self._run_step(step))
            if not ends[-1].passed or self._limit or self._survivors:
                break
        return Exit(
            steps=tuple(ends),
            limit=self._limit,
            stopped=self._wakeup.stop_asked,
            progress=measure(ends[-1].name if ends else "", self._reader, self._spec),
            lost_output_bytes=self._log.lost,
            survivors=tuple(f"{process.pid} {process.name}" for process in self._survivors),
            started_at=self._began.at,
            at=time.time(),
        )

    def _run_step(self, step: Step) -> StepEnd:
        if step.role in _HEADED:
            self._note(f"{step.role} {step.name}: {' '.join(step.argv)}")
        start = _Start(time.time(), time.monotonic(), self._log.size)
        ended = self._run_program(step, start)
        if step.role in _HEADED:
            self._note(f"{step.name}: {_in_words(ended)} after {ended.seconds:.1f} s")
        return ended

    def _run_program(self, step: Step, start: _Start) -> StepEnd:
        pipe, output = os.pipe()
        try:
            pid = spawn(step, self._spec.env, output)
        except OSError as error:
            os.close(pipe)
            return self._not_started(step, start, error)
        finally:
            os.close(output)
        feed = LineFeed(self._reader)
        watch = Watch(pid, pipe, self._sink(step, feed), self._wakeup)
        timed_out = self._follow(step, watch)
        self._end_processes(watch)
        feed.end()
        watch.close()
        return self._step_end(step, start, watch.status, timed_out=timed_out)

    def _sink(self, step: Step, feed: LineFeed) -> Callable[[bytes], None]:
        def keep_and_read(data: bytes) -> None:
            self._log.write(data)
            feed.add(data)

        return keep_and_read if step.role is Role.AGENT else self._log.write

    def _follow(self, step: Step, watch: Watch) -> bool:
        """Until the main process ended, or must end; whether that is because the step timed out."""
        limits = limits_of(step, self._spec.limits)
        while watch.status is None and not self._wakeup.stop_asked:
            progress = measure(step.name, self._reader, self._spec)
            elapsed = self._elapsed(watch)
            self._limit = find_hit(limits, progress, elapsed)
            if self._limit:
                return False
            if step.timeout_secs is not None and elapsed.step >= step.timeout_secs:
                return True
            left = seconds_left(limits, step.timeout_secs, elapsed)
            watch.wait(min(left, self._progress.offer(progress, time.monotonic()), _LONGEST_WAIT))
        return False

    def _elapsed(self, watch: Watch) -> Elapsed:
        now = time.monotonic()
        at = time.time()
        waited_until = plausible_end(self._reader.waiting_until, at)
        since_wait = math.inf if waited_until is None else at - waited_until
        return Elapsed(
            wall=now - self._began.clock,
            step=now - watch.began,
            quiet=min(now - watch.last_output, since_wait),
        )

    def _end_processes(self, watch: Watch) -> None:
        def pause(_processes: Collection[Process], seconds: float) -> None:
            watch.wait(seconds)

        watch.read_rest()
        self._survivors = end_processes(self._find_processes, pause)
        watch.wait(0)
        watch.read_rest()

    def _find_processes(self) -> frozenset[Process]:
        below = descendants(os.getpid(), list_processes())
        return frozenset(below) | frozenset(marked_processes(self._spec.run_id, self._spec.project))

    def _not_started(self, step: Step, start: _Start, error: OSError) -> StepEnd:
        detail = f"cannot start '{step.argv[0]}': {error.strerror}"
        if error.filename != step.argv[0]:
            detail += f": '{error.filename}'"
        self._note(detail)
        code = 127 if isinstance(error, FileNotFoundError) else 126
        return self._step_end(step, start, code << 8, detail=detail)

    def _step_end(
        self, step: Step, start: _Start, status: int | None, *, timed_out: bool = False, detail: str = ""
    ) -> StepEnd:
        code = None if status is None else os.waitstatus_to_exitcode(status)
        return StepEnd(
            name=step.name,
            role=step.role,
            exit_code=code if code is not None and code >= 0 else None,
            signal=-code if code is not None and code < 0 else None,
            timed_out=timed_out,
            detail=f"timed out after {step.timeout_secs:g} s" if timed_out else detail,
            started_at=start.at,
            seconds=round(time.monotonic() - start.clock, 3),
            offset=start.offset,
            length=self._log.size - start.offset,
        )

    def _note(self, text: str) -> None:
        self._log.write(f"== huskies: {text}\n".encode(errors="replace"))


def _in_words(ended: StepEnd) -> str:
    if ended.detail:
        return ended.detail
    return f"exit {ended.exit_code}" if ended.signal is None else f"signal {ended.signal}"
