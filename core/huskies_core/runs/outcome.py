"""What a supervisor's account of a run amounts to: the outcome, and the part of the output that tells why."""

from collections.abc import Mapping
from typing import Any

from huskies_core.runtimes.interface import FailureKind, believed
from huskies_core.sanitize import tail, without_controls
from huskies_core.store.runs import Outcome
from huskies_core.supervisor.records import Exit, LimitHit, Progress, StepEnd
from huskies_core.supervisor.run_directory import RunDirectory
from huskies_core.supervisor.spec import Role

_OF_FAILURE = {FailureKind.LIMIT: Outcome.LIMIT, FailureKind.ERROR: Outcome.FAILED}
OUTPUT_LIMIT = 8000
"""Characters of a gate's output that are kept for the next prompt; the whole of it stays in the run's log."""


def outcome_of(exit_: Exit | None, intent: Mapping[str, Any] | None) -> tuple[Outcome, str]:
    """How the run ended, and why in words. `intent` is what a kill was for, when one was asked for."""
    if intent is not None and (exit_ is None or exit_.stopped):
        return Outcome(intent["outcome"]), str(intent.get("detail", ""))
    if exit_ is None:
        return Outcome.CRASHED, "its supervisor was killed"
    if exit_.limit is not None:
        return _of_limit(exit_.limit, exit_.progress, exit_.at)
    if exit_.stopped:
        return Outcome.CRASHED, "its supervisor was told to end"
    if not exit_.steps:
        return Outcome.CRASHED, "nothing was started"
    return _of_agent(exit_.steps[-1], exit_.progress)


def findings_of(exit_: Exit | None, directory: RunDirectory) -> dict[str, Any]:
    """What the steps tell beside the outcome: which setup failed, and the tail of what a failed gate printed."""
    last = exit_.steps[-1] if exit_ is not None and exit_.steps else None
    if last is None or last.passed:
        return {}
    if last.role is Role.SETUP:
        return {"setup_failed": last.name, "output": _output(directory, last)}
    return {"output": _output(directory, last)} if last.role is Role.GATE else {}


def _of_limit(hit: LimitHit, progress: Progress, at: float) -> tuple[Outcome, str]:
    """One whose time was over while it waited for its account has not had its try."""
    limit, until = progress.rate_limit, believed(progress.waiting_until, at)
    if limit is None or until is None or until <= at:
        return Outcome.LIMIT, hit.detail
    return Outcome.RATE_LIMITED, f"{hit.detail} while it waited: {limit.detail or 'rate limit'}"


def _of_agent(step: StepEnd, progress: Progress) -> tuple[Outcome, str]:
    """What its program tells of its end goes before the number that it exits with."""
    limit, failure = progress.rate_limit, progress.failure
    if step.role is not Role.AGENT:
        return _of_step(step)
    # One that ended well has waited it out, though its program may not have said so.
    if limit is not None and limit.is_hard and (failure is not None or not step.passed):
        return Outcome.RATE_LIMITED, limit.detail
    if failure is not None and step.signal is None:
        return _OF_FAILURE[failure.kind], failure.detail
    return _of_step(step)


def _of_step(step: StepEnd) -> tuple[Outcome, str]:
    if step.passed:
        return Outcome.COMPLETED, ""
    what = "" if step.role is Role.AGENT else f"{step.role.value} {step.name!r} "
    if step.timed_out:
        return Outcome.FAILED, f"{what}{step.detail}"
    if step.signal is not None:
        return Outcome.CRASHED, f"{what}was ended by signal {step.signal}"
    code = step.exit_code or 0
    if code > 128 and step.role is Role.AGENT:
        return Outcome.CRASHED, f"exited with {code}: signal {code - 128}"
    return Outcome.FAILED, f"{what}{step.detail or f'exited with {code}'}"


def _output(directory: RunDirectory, step: StepEnd) -> str:
    return tail(without_controls(directory.read_output(step)), OUTPUT_LIMIT)
