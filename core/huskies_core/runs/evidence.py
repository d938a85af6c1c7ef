"""Facts about a run: its outcome from the records of its supervisor, its branch and the repository from git."""

import json
from datetime import datetime

from msgspec.structs import asdict, replace

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.git.branch_state import check_resolution, read_branch_state
from huskies_core.git.repository import GitError
from huskies_core.git.settings import Fingerprint, differences
from huskies_core.git.worktrees import branch_of
from huskies_core.runs.handoff_files import KillIntent, read_start_facts
from huskies_core.runtimes.registry import load_runtime, runtime_names
from huskies_core.runtimes.runtime import FailureKind, plausible_end
from huskies_core.sanitize import tail, without_controls
from huskies_core.store import journal, metadata, runs
from huskies_core.store.connection import Connection
from huskies_core.store.evidence import BranchEvidence, Evidence
from huskies_core.store.rows import UNREADABLE
from huskies_core.store.runs import Outcome, Run, RunKind
from huskies_core.store.usage import ModelUsage
from huskies_core.supervisor.progress import measure, read_output
from huskies_core.supervisor.records import Exit, LimitHit, Progress, Role, StepEnd
from huskies_core.supervisor.run_directory import RunDirectory

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


def read_evidence(context: Context, run: Run, exit_: Exit | None) -> Evidence:
    """Return the facts that the last step and git show: the failed setup or gate, the branch and its conflict."""
    branch, last = _read_branch(context, run), exit_.steps[-1] if exit_ and exit_.steps else None
    is_resolution = run.kind is RunKind.MERGEMASTER and branch.name
    evidence = Evidence(branch, unresolved=find_unresolved(context, run) if is_resolution else None)
    if last is None or last.passed or last.role not in (Role.SETUP, Role.GATE):
        return evidence
    printed = RunDirectory(context.project.run_dir(run.id)).read_output(last)
    output = tail(without_controls(printed), OUTPUT_LIMIT)
    return replace(evidence, failed_setup=last.name if last.role is Role.SETUP else "", output=output)


def _read_branch(context: Context, run: Run) -> BranchEvidence:
    """Return the current state of the branch; the empty record if the base branch does not exist.

    If git cannot read the worktree, the record has git's error and no commits, and the run still ends.
    """
    tip, name = context.repository.branch_tip(context.base_branch_or_recorded), branch_of(run.story)
    if tip is None:
        return BranchEvidence()
    try:
        return BranchEvidence(name, **asdict(read_branch_state(context.repository, run.story, base_tip=tip)))
    except GitError as error:
        return BranchEvidence(name, problem=error.message)


def find_unresolved(context: Context, run: Run) -> str:
    """Return a sentence about the part of a conflict that a mergemaster left unresolved; "" if it left none.

    Compare the branch with the tip of the base at the start of the run. The run is not responsible for later commits;
    the next merge shows whether they conflict.
    """
    base = context.base_branch_or_recorded
    tip = context.repository.branch_tip(base)
    if tip is None:
        return f"the base branch {base} does not exist"
    started_on = read_start_facts(RunDirectory(context.project.run_dir(run.id))).base
    try:
        return check_resolution(context.repository, run.story, base_tip=started_on or tip) or ""
    except GitError as error:
        return error.message


def notice_changes(db: Connection, state: Fingerprint, *, actor: str, now: datetime) -> None:
    """Compare `state` with the stored one, write a journal entry for each change, and store `state`.

    An entry names the runs that were live. Call this function in the transactions that start and end a run. It does not
    report changes while no run is live: the user made them.
    """
    suspects = [run.id for run in runs.live(db)]
    stored = metadata.get(db, metadata.HYGIENE)
    metadata.put(db, metadata.HYGIENE, json.dumps(state.to_json()))
    if stored is None or not suspects:
        return
    try:
        changes = differences(Fingerprint.from_json(json.loads(stored)), state)
    except UNREADABLE:  # the end of a run must be recorded in any case
        changes = ("the recorded state of the repository cannot be read",)
    for change in changes:
        detail = {"change": change, "runs": suspects}
        journal.append(db, journal.JournalKind.GIT, "repository_changed", actor=actor, now=now, detail=detail)


def measure_output(directory: RunDirectory, run: Run) -> Progress | None:
    """Return the figures of a run from its whole output; None if the output or the spec is missing."""
    if run.runtime not in runtime_names():
        return None
    reader = load_runtime(run.runtime).make_reader()
    try:
        spec = directory.read_spec()
        read_output(directory.output, reader)
    except (HuskiesError, FileNotFoundError):
        return None
    return measure("", reader, spec)


def usage_of(progress: Progress) -> tuple[ModelUsage, ...]:
    """Return the usage by model as the store has it, which does not know unknown costs."""
    return tuple(
        ModelUsage(**{**vars(used), "cost_usd": used.cost_usd or 0.0}, model=model)
        for model, used in progress.usage.items()
    )
