"""Loop over the steps of a run, until one fails, a limit is exceeded, or a stop is requested."""

import math
import os
import time
from dataclasses import dataclass

from huskies_core.runtimes.runtime import Reader, plausible_end
from huskies_core.supervisor import processes
from huskies_core.supervisor.processes import Process
from huskies_core.supervisor.progress import LineFeed, OutputLog, ProgressFile, measure
from huskies_core.supervisor.records import Exit, LimitHit, Limits, Progress, Role, RunSpec, Step, StepEnd
from huskies_core.supervisor.run_directory import RunDirectory
from huskies_core.supervisor.spawn import spawn
from huskies_core.supervisor.step_watch import StepWatch, Wakeup

_LONGEST_WAIT = 3600.0
_ROLES_WITH_HEADINGS = (Role.SETUP, Role.GATE)


@dataclass(frozen=True)
class Elapsed:
    """Seconds since the run began, since the step began, and since the step last printed or stopped waiting."""

    wall: float
    step: float
    quiet: float


def limits_of(step: Step, limits: Limits) -> Limits:
    """Return the limits that apply to the step: all for an agent, the time of the whole run for others."""
    return limits if step.role is Role.AGENT else Limits(max_wall_secs=limits.max_wall_secs)


def find_hit(limits: Limits, progress: Progress, elapsed: Elapsed) -> LimitHit | None:
    """Return the first exceeded limit. Counts may reach their limit; times and costs must stay below it."""
    for name, count in (("max_turns", progress.turns), ("max_tool_turns", progress.tool_turns)):
        limit = getattr(limits, name)
        if limit is not None and count > limit:
            return LimitHit(name, f"{name}: {count} of {limit}")
    budget, silence, wall = limits.max_budget_usd, limits.inactivity_timeout_secs, limits.max_wall_secs
    if budget is not None and progress.cost_usd >= budget:
        return LimitHit("max_budget_usd", f"max_budget_usd: {progress.cost_usd:.4f} of {budget:.4f}")
    if silence is not None and elapsed.quiet >= silence:
        return LimitHit("inactivity_timeout_secs", f"inactivity_timeout_secs: no output for {silence:g} s")
    if wall is not None and elapsed.wall >= wall:
        return LimitHit("max_wall_secs", f"max_wall_secs: ran for {wall:g} s")
    return None


def seconds_left(limits: Limits, timeout_secs: float | None, elapsed: Elapsed) -> float:
    """Return the seconds until the first time limit is reached if nothing happens, infinite without a limit."""
    times = (limits.inactivity_timeout_secs, limits.max_wall_secs, timeout_secs)
    spent = (elapsed.quiet, elapsed.wall, elapsed.step)
    remaining = (limit - secs for limit, secs in zip(times, spent, strict=True) if limit is not None)
    return min(remaining, default=math.inf)


@dataclass(frozen=True)
class _Start:
    """Wall time, monotonic time and log size when a step began."""

    at: float
    clock: float
    offset: int


class Supervisor:
    """One run from its first step to its end. Its counts exist in memory and in progress.json only."""

    def __init__(self, directory: RunDirectory, spec: RunSpec, reader: Reader, wakeup: Wakeup) -> None:
        self._spec, self._reader, self._wakeup = spec, reader, wakeup
        self._log, self._progress = OutputLog(directory.output), ProgressFile(directory.progress)
        self._start = _Start(time.time(), time.monotonic(), 0)
        self._limit: LimitHit | None = None
        self._survivors: tuple[Process, ...] = ()

    def run(self) -> Exit:
        """Run the steps. Afterwards none of their processes is alive, except the survivors in the result."""
        ends: list[StepEnd] = []
        for step in self._spec.steps:
            if self._wakeup.stop_requested:
                break
            ends.append(self._run_step(step))
            if not ends[-1].passed or self._limit or self._survivors:
                break
        return Exit(
            steps=tuple(ends),
            limit=self._limit,
            stopped=self._wakeup.stop_requested,
            progress=measure(ends[-1].name if ends else "", self._reader, self._spec),
            lost_output_bytes=self._log.lost,
            survivors=tuple(f"{process.pid} {process.name}" for process in self._survivors),
            started_at=self._start.at,
            at=time.time(),
        )

    def _run_step(self, step: Step) -> StepEnd:
        if step.role in _ROLES_WITH_HEADINGS:
            self._note(f"{step.role} {step.name}: {' '.join(step.argv)}")
        start = _Start(time.time(), time.monotonic(), self._log.size)
        end = self._run_program(step, start)
        if step.role in _ROLES_WITH_HEADINGS:
            self._note(f"{step.name}: {end.summary} after {end.seconds:.1f} s")
        return end

    def _run_program(self, step: Step, start: _Start) -> StepEnd:
        pipe, output = os.pipe()
        try:
            pid = spawn(step, self._spec.env, output)
        except OSError as error:
            os.close(pipe)
            return self._record_failed_start(step, start, error)
        finally:
            os.close(output)
        feed = LineFeed(self._reader)

        def log_and_read(data: bytes) -> None:
            self._log.write(data)
            feed.add(data)

        sink = log_and_read if step.role is Role.AGENT else self._log.write
        watch = StepWatch(pid, pipe, sink, self._wakeup)
        timed_out = self._follow(step, watch)
        self._end_processes(watch)
        feed.end()
        watch.close()
        return self._record_end(step, start, watch.status, timed_out=timed_out)

    def _follow(self, step: Step, watch: StepWatch) -> bool:
        """Wait until the main process ended or must be ended. Return whether the step timed out."""
        limits = limits_of(step, self._spec.limits)
        while watch.status is None and not self._wakeup.stop_requested:
            progress = measure(step.name, self._reader, self._spec)
            elapsed = self._measure_time(watch)
            self._limit = find_hit(limits, progress, elapsed)
            if self._limit:
                return False
            if step.timeout_secs is not None and elapsed.step >= step.timeout_secs:
                return True
            until_limit = seconds_left(limits, step.timeout_secs, elapsed)
            until_write = self._progress.offer(progress, time.monotonic())
            watch.wait(min(until_limit, until_write, _LONGEST_WAIT))
        return False

    def _measure_time(self, watch: StepWatch) -> Elapsed:
        """Return the elapsed times. While the agent waits for a rate limit to end, it does not count as quiet."""
        clock, now = time.monotonic(), time.time()
        waiting_until = plausible_end(self._reader.waiting_until, now)
        since_wait = math.inf if waiting_until is None else now - waiting_until
        quiet = min(clock - watch.last_output, since_wait)
        return Elapsed(wall=clock - self._start.clock, step=clock - watch.began, quiet=quiet)

    def _end_processes(self, watch: StepWatch) -> None:
        def find() -> frozenset[Process]:
            below = processes.descendants(os.getpid())
            return frozenset((*below, *processes.marked_processes(self._spec.run_id, self._spec.project)))

        watch.read_rest()
        self._survivors = processes.end_processes(find, lambda _processes, seconds: watch.wait(seconds))
        watch.wait(0)
        watch.read_rest()

    def _record_failed_start(self, step: Step, start: _Start, error: OSError) -> StepEnd:
        detail = f"cannot start '{step.argv[0]}': {error.strerror}"
        if error.filename != step.argv[0]:
            detail += f": '{error.filename}'"
        self._note(detail)
        code = 127 if isinstance(error, FileNotFoundError) else 126
        return self._record_end(step, start, code << 8, detail=detail)

    def _record_end(
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
