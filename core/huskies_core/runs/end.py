"""Recording how a run ended, once nothing of it is alive: the facts only. What follows is decided from them."""

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, TypeVar

from huskies_core.clock import to_iso
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.git.branch_state import read_branch_state
from huskies_core.git.landing import recover_landing
from huskies_core.git.locks import clear_shared_locks, clear_worktree_locks, git_locked
from huskies_core.git.repository import GitError
from huskies_core.git.repository_state import fingerprint
from huskies_core.git.worktrees import branch_of
from huskies_core.pipeline.events import Event, Freeze, MergeSucceeded
from huskies_core.runs import account_limits, agent_sessions, component_setup, repository_watch, run_usage
from huskies_core.runs import outcome as run_outcome
from huskies_core.runs.handoff_files import RESULT_FILE, STARTING_FILE, read_left
from huskies_core.runs.resolution import unresolved
from huskies_core.store import content, gate_passes, journal, queue_holds, runs, transitions
from huskies_core.store.connection import Connection
from huskies_core.store.runs import Outcome, Report, Run, RunKind, Verdict
from huskies_core.supervisor.kill import KillResult, free_marked
from huskies_core.supervisor.liveness import take_lock
from huskies_core.supervisor.records import Exit, Progress
from huskies_core.supervisor.run_directory import RunDirectory
from huskies_core.supervisor.spec import Role

Record = TypeVar("Record")


@dataclass(frozen=True)
class Found:
    """What is known of a run that is over, before any of it is written."""

    exit: Exit | None
    progress: Progress | None
    intent: Mapping[str, Any] | None
    evidence: Mapping[str, Any]
    users_paths: tuple[str, ...]


def end_run(context: Context, run: Run, now: datetime) -> bool:
    """Records the end of a run whose lock the caller holds; False when it is recorded already.

    Raises HuskiesError `survivors` while a process of the run is alive: nothing is written then. Called again after
    a crash in between, it does what is left.
    """
    if not run.is_live:
        return False
    found = _look(context, run)
    seen = fingerprint(context.repository)
    with context.store.exclusive() as db:
        return _record(context, db, run, found, seen, now)


def end_if_dead(context: Context, run: Run, now: datetime) -> bool:
    """Records the end of a run whose lock is free; False when it lives, or has ended."""
    lock = take_lock(RunDirectory(context.project.run_dir(run.id)))
    if lock is None:
        return False
    try:
        with context.store.reading() as db:
            present = runs.load(db, run.id)
        return end_run(context, present, now)
    finally:
        os.close(lock)


def record_failed_start(context: Context, run: Run, detail: str, now: datetime) -> None:
    """Records a run that was claimed and never got to its supervisor; the caller holds its lock.

    One that was told to end while it was being started ends as that said.
    """
    directory = RunDirectory(context.project.run_dir(run.id))
    intent = _unless_broken(directory.read_kill, directory.kill)
    outcome, why = Outcome.CRASHED, f"could not be started: {detail}"
    if intent is not None:
        outcome, why = run_outcome.outcome_of(None, intent)
    with context.store.exclusive() as db:
        runs.end(db, run.id, Report(outcome, why, evidence={}), actor=context.actor, now=now)
        _fire_intended(db, run, outcome, intent, now)


def _look(context: Context, run: Run) -> Found:
    directory = RunDirectory(context.project.run_dir(run.id))
    exit_ = _unless_broken(directory.read_exit, directory.exit)
    if exit_ is None or exit_.survivors:
        freed = free_marked(run.id, str(context.project.root))
        if not freed.gone:
            raise survivors(run.id, freed)
    users_paths, landing = _settle_landing(context, run)
    clear_worktree_locks(context.repository, run.story)
    evidence = {**_evidence(context, run), **run_outcome.findings_of(exit_, directory)}
    if run.kind is RunKind.MERGE:
        evidence["merge"] = {**read_left(directory, RESULT_FILE), **landing}
    _remember_setups(context, run, exit_, directory)
    progress = exit_.progress if exit_ else _told_before(directory, run)
    return Found(exit_, progress, _unless_broken(directory.read_kill, directory.kill), evidence, users_paths)


def _told_before(directory: RunDirectory, run: Run) -> Progress | None:
    """What a supervisor that died has told. That may be a second old: the session that the agent was given since then
    is in its output."""
    told = _unless_broken(directory.read_progress, directory.progress)
    if not agent_sessions.has_any(run) or (told is not None and told.session_id is not None):
        return told
    return run_usage.account_of_output(directory, run) or told


def _unless_broken(read: Callable[[], Record | None], path: str) -> Record | None:
    """What a file says. One that nobody can read is set aside for a person: the run must end all the same."""
    try:
        return read()
    except HuskiesError:
        os.replace(path, f"{path}.broken")
        return None


def _settle_landing(context: Context, run: Run) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Finishes a landing whose commit is on the base, and takes back one that is not there."""
    if run.landing is None:
        return (), {}
    with git_locked(context.project):
        clear_shared_locks(context.repository, now=context.now())
        recovered = recover_landing(
            context.repository,
            base_branch=context.base_branch_or_recorded,
            tip=run.landing.tip,
            commit=run.landing.commit,
            mark=str(run.id),
        )
    result = "landed" if recovered.landed else "interrupted"
    return recovered.users, {"result": result, "commit": run.landing.commit}


def _evidence(context: Context, run: Run) -> dict[str, Any]:
    """What git says of the story's branch now; for a mergemaster also why its conflict is not resolved."""
    tip = context.repository.branch_tip(context.base_branch_or_recorded)
    if tip is None:
        return {}
    found = _seen_by_git(context, run, tip)
    if run.kind is RunKind.MERGEMASTER:
        found["unresolved"] = unresolved(context, run)
    return found


def _seen_by_git(context: Context, run: Run, tip: str) -> dict[str, Any]:
    """A worktree that the run broke is no reason to keep it from ending: it has nothing to show, and says why."""
    branch = branch_of(run.story)
    try:
        return {**asdict(read_branch_state(context.repository, run.story, base_tip=tip)), "branch": branch}
    except GitError as error:
        return {"branch": branch, "commits_ahead": 0, "has_diff": False, "problem": error.message}


def _remember_setups(context: Context, run: Run, exit_: Exit | None, directory: RunDirectory) -> None:
    steps = exit_.steps if exit_ is not None else ()
    digests = read_left(directory, STARTING_FILE).get("setups")
    went_on = any(step.role is not Role.SETUP or step.passed for step in steps)
    failed = any(step.role is Role.SETUP and not step.passed for step in steps)
    if digests and went_on and not failed:
        component_setup.write_mark(context, run.story, digests)


def _record(context: Context, db: Connection, run: Run, found: Found, seen: Any, now: datetime) -> bool:
    repository_watch.notice_changes(db, seen, actor=f"run:{run.id}", now=now)
    if not runs.load(db, run.id).is_live:
        return False
    outcome, detail = run_outcome.outcome_of(found.exit, found.intent)
    limit = account_limits.note_end(db, run, outcome, found.progress, now)
    detail = "; ".join(filter(None, (detail, found.evidence.get("problem", ""))))
    progress = found.progress
    report = Report(
        outcome,
        detail,
        {**found.evidence, **limit, **_denied(progress)},
        turns=progress.turns if progress else 0,
        tool_turns=progress.tool_turns if progress else 0,
        cost_usd=progress.cost_usd if progress else 0.0,
        usage_final=found.exit is not None or run.runtime is None,
    )
    runs.end(db, run.id, report, actor=f"run:{run.id}", now=now)
    if progress is not None:
        run_usage.record(db, run, progress, now=now)
    _record_session(db, run, outcome, progress, now)
    _record_gates(context, db, run, outcome, found, now)
    _forget_answered(db, run, outcome)
    _record_merge(db, run, found, now)
    _fire_intended(db, run, outcome, found.intent, now)
    return True


def _denied(progress: Progress | None) -> dict[str, Any]:
    """How often each tool was refused, where any was."""
    return {"denied": dict(progress.denied)} if progress is not None and progress.denied else {}


def _record_session(
    db: Connection, run: Run, outcome: Outcome, progress: Progress | None, now: datetime
) -> None:
    session = None if progress is None else progress.session_id
    turns = 0 if progress is None else progress.turns
    agent_sessions.remember(db, run, session, outcome, turns=turns, now=now)


def _record_gates(
    context: Context, db: Connection, run: Run, outcome: Outcome, found: Found, now: datetime
) -> None:
    """Keeps a pass for its tree; never one in whose worktree lay what is not committed."""
    started = read_left(RunDirectory(context.project.run_dir(run.id)), STARTING_FILE)
    definition, tree = started.get("definition"), found.evidence.get("tree")
    clean = tree and not found.evidence.get("dirty")
    if run.kind is RunKind.GATES and outcome is Outcome.COMPLETED and definition and clean:
        gate_passes.record(db, str(tree), definition, now=now)


def _forget_answered(db: Connection, run: Run, outcome: Outcome) -> None:
    """What a story has answered to is not what the next run is told of its last try."""
    if run.kind is RunKind.GATES and outcome is Outcome.COMPLETED:
        content.remove(db, run.story, content.GATE_OUTPUT)
    if run.verdict is Verdict.APPROVED:
        content.remove(db, run.story, content.QA_NOTES)


def _record_merge(db: Connection, run: Run, found: Found, now: datetime) -> None:
    merge = found.evidence.get("merge", {})
    actor = f"run:{run.id}"
    if found.users_paths:
        detail = {"run": run.id, "paths": found.users_paths}
        journal.append(
            db, journal.Kind.GIT, "paths_left", actor=actor, now=now, story=run.story, detail=detail
        )
    match merge.get("result"):
        case "landed":
            _fire(db, run, MergeSucceeded(merge["commit"], to_iso(now)), actor, now)
        case "base_broken":
            queue_holds.put(
                db, queue_holds.QueueHoldKind.BASE_BROKEN, queue_holds.QUEUE, merge, actor=actor, now=now
            )
        case "base_dirty":
            queue_holds.put(db, queue_holds.QueueHoldKind.BASE_DIRTY, run.story, merge, actor=actor, now=now)
        case _:
            return


def _fire_intended(
    db: Connection, run: Run, outcome: Outcome, intent: Mapping[str, Any] | None, now: datetime
) -> None:
    if intent is not None and intent.get("then") == Freeze.name and outcome is Outcome.STOPPED:
        _fire(db, run, Freeze(), str(intent.get("actor", f"run:{run.id}")), now)


def _fire(db: Connection, run: Run, event: Event, actor: str, now: datetime) -> None:
    """Fires for the visit the run belongs to; a story that has moved on has no use for it."""
    try:
        transitions.apply_event(db, run.story, event, visit=run.visit, actor=actor, now=now)
    except transitions.Stale as stale:
        detail = {"run": run.id, "event": event.name, "why": stale.message}
        journal.append(
            db, journal.Kind.RUN, "event_dropped", actor=actor, now=now, story=run.story, detail=detail
        )


def survivors(run: int, result: KillResult) -> HuskiesError:
    """What is said of a run whose processes would not go."""
    names = ", ".join(f"{process.pid} {process.name}" for process in result.survivors)
    return HuskiesError(
        f"run {run} could not be ended: {names or 'its lock is held'}",
        hint="End these processes yourself; the story waits until they are gone.",
        code="survivors",
        subject=str(run),
    )
