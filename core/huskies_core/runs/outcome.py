"""Derive the outcome of a run from the records of its supervisor, and read the output of the failed step."""

from huskies_core.runs.handoff_files import KillIntent
from huskies_core.runtimes.runtime import FailureKind, plausible_end
from huskies_core.sanitize import tail, without_controls
from huskies_core.store.runs import Outcome
from huskies_core.supervisor.records import Exit, LimitHit, Progress, StepEnd
from huskies_core.supervisor.run_directory import RunDirectory
from huskies_core.supervisor.spec import Role

_OF_FAILURE = {FailureKind.LIMIT: Outcome.LIMIT, FailureKind.ERROR: Outcome.FAILED}
OUTPUT_LIMIT = 8000
"""The number of characters of a gate's output in the next prompt. The run's log has the whole output."""


def outcome_of(exit_: Exit | None, intent: KillIntent | None) -> tuple[Outcome, str]:
    """Return the outcome of a run and its reason in words. `intent` is that of the kill, if the run was stopped."""
    if intent is not None and (exit_ is None or exit_.stopped):
        return intent.outcome, intent.detail
    if exit_ is None:
        return Outcome.CRASHED, "its supervisor was killed"
    if exit_.limit is not None:
        return _outcome_of_limit(exit_.limit, exit_.progress, exit_.at)
    if exit_.stopped:
        return Outcome.CRASHED, "its supervisor received a termination signal"
    if not exit_.steps:
        return Outcome.CRASHED, "no step was started"
    return _outcome_of_agent(exit_.steps[-1], exit_.progress)


def failed_step(exit_: Exit | None, directory: RunDirectory) -> tuple[str, str | None]:
    """Return the component with the failed setup ("" if none failed), and the end of the failed step's output."""
    last = exit_.steps[-1] if exit_ is not None and exit_.steps else None
    if last is None or last.passed or last.role not in (Role.SETUP, Role.GATE):
        return "", None
    output = tail(without_controls(directory.read_output(last)), OUTPUT_LIMIT)
    return last.name if last.role is Role.SETUP else "", output


def _outcome_of_limit(hit: LimitHit, progress: Progress, at: float) -> tuple[Outcome, str]:
    """Return RATE_LIMITED if the run reached its time limit during a wait for its account: this is no attempt."""
    limit, until = progress.rate_limit, plausible_end(progress.waiting_until, at)
    if limit is None or until is None or until <= at:
        return Outcome.LIMIT, hit.detail
    return Outcome.RATE_LIMITED, f"{hit.detail} while it waited: {limit.detail or 'rate limit'}"


def _outcome_of_agent(step: StepEnd, progress: Progress) -> tuple[Outcome, str]:
    """Return the outcome of the last step. A report of the agent's program takes precedence over its exit code."""
    limit, failure = progress.rate_limit, progress.failure
    if step.role is not Role.AGENT:
        return _outcome_of_step(step)
    # A program that succeeded has waited for the reset of the limit, even if it did not report the wait.
    if limit is not None and limit.is_hard and (failure is not None or not step.passed):
        return Outcome.RATE_LIMITED, limit.detail
    if failure is not None and step.signal is None:
        return _OF_FAILURE[failure.kind], failure.detail
    return _outcome_of_step(step)


def _outcome_of_step(step: StepEnd) -> tuple[Outcome, str]:
    if step.passed:
        return Outcome.COMPLETED, ""
    name = "" if step.role is Role.AGENT else f"{step.role.value} {step.name!r} "
    if step.timed_out:
        return Outcome.FAILED, f"{name}{step.detail}"
    if step.signal is not None:
        return Outcome.CRASHED, f"{name}was ended by signal {step.signal}"
    code = step.exit_code or 0
    if code > 128 and step.role is Role.AGENT:
        return Outcome.CRASHED, f"exited with {code}: signal {code - 128}"
    return Outcome.FAILED, f"{name}{step.detail or f'exited with {code}'}"
