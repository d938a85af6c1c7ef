"""End runs: kill their processes, verify that none is alive, and only then record the end.

A record has only facts; `decide` derives the next step.
"""

import os
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from msgspec import Struct, ValidationError
from msgspec.structs import replace

from huskies_core import merge_results
from huskies_core.clock import to_iso
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.git.landing import Recovered, recover_landing
from huskies_core.git.locks import clear_shared_locks, clear_worktree_locks, git_locked
from huskies_core.git.settings import Fingerprint, take_fingerprint
from huskies_core.ids import RunId
from huskies_core.pipeline.events import Event, Freeze, MergeSucceeded
from huskies_core.pipeline.stages import TERMINAL, StageName
from huskies_core.runs import account_limits, agent_sessions
from huskies_core.runs.evidence import measure_output, notice_changes, outcome_of, read_evidence, usage_of
from huskies_core.runs.handoff_files import (
    KillIntent,
    read_kill_intent,
    read_merge_result,
    read_start_facts,
)
from huskies_core.runs.steps import mark_setup
from huskies_core.store import content, gate_passes, journal, queue_holds, runs, stories, transitions, usage
from huskies_core.store.connection import Connection
from huskies_core.store.evidence import Evidence
from huskies_core.store.queue_holds import QUEUE, QueueHoldKind
from huskies_core.store.runs import Landing, Outcome, Report, Run, RunKind, Verdict
from huskies_core.supervisor.kill import KillResult, end_marked_processes, kill_run
from huskies_core.supervisor.records import Exit, Progress, Role
from huskies_core.supervisor.run_directory import RunDirectory, take_lock

Record = TypeVar("Record")
KILL_ROUNDS = 2


class _EndFacts(Struct, frozen=True):
    """The facts about an ended run from its files and from git, before they are recorded."""

    exit: Exit | None
    progress: Progress | None
    intent: KillIntent | None
    evidence: Evidence
    recovered: Recovered | None


def end_run(context: Context, run: Run, now: datetime) -> bool:
    """Record the end of a run; return False if it is recorded already. The caller must hold the run's lock.

    Raise HuskiesError `survivors`, with nothing written, if a process of the run is alive. After a crash, a second call
    completes the first.
    """
    if not run.is_live:
        return False
    facts = _collect_facts(context, run)
    state = take_fingerprint(context.repository)
    with context.store.exclusive() as db:
        return _record(context, db, run, facts, state, now)


def end_if_dead(context: Context, run: Run, now: datetime) -> bool:
    """Record the end of a run if its lock is free; return False if the run is alive or has ended."""
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
    """Record the end of a claimed run without a supervisor. The caller must hold the run's lock.

    A run that was stopped during its start gets the outcome that the stop requested.
    """
    intent = _read_intent(RunDirectory(context.project.run_dir(run.id)))
    stopped = Report(intent.outcome, intent.detail) if intent else None
    report = stopped or Report(Outcome.CRASHED, f"could not be started: {detail}")
    with context.store.exclusive() as db:
        runs.end(db, run.id, report, actor=context.actor, now=now)
        _apply_intent(db, run, report.outcome, intent, now)


def end_left_run(context: Context, run: RunId) -> None:
    """End a run as cancelled after an event moved its story to another stage. Its work stays in the worktree.

    A run without spec.json has no processes yet. The watchdog ends such a run; until then it blocks its story.
    """
    if not os.path.exists(RunDirectory(context.project.run_dir(run)).spec):
        return
    stop_run(context, run, Outcome.CANCELLED, "its story left the stage")


def stop_run(context: Context, run: RunId, outcome: Outcome, detail: str) -> None:
    """Kill a run, verify that none of its processes is alive, and record the end with `outcome`.

    A run that ended by itself at the same moment keeps its own outcome. Raise HuskiesError `survivors`, with nothing
    recorded, if a process is still alive. If this process is killed, the next tick records `outcome`.
    """
    _stop(context, run, KillIntent(outcome, detail))


def stop_and_freeze(context: Context, run: RunId, detail: str) -> None:
    """Stop a run and freeze its story in the same transaction, so that nothing starts in between.

    If the run ended by itself, its end may have moved the story. Then freeze the story in its new stage, and end a run
    that was started for it.
    """
    story = _stop(context, run, KillIntent(Outcome.STOPPED, detail, freezes=True, actor=context.actor)).story
    with context.store.exclusive() as db:
        present = stories.load(db, story)
        if present.stage.name in (StageName.FROZEN, *TERMINAL):
            return
        visit, now = present.visit, context.now()
        applied = transitions.apply_event(db, story, Freeze(), visit=visit, actor=context.actor, now=now)
    if applied.left_run is not None:
        end_left_run(context, applied.left_run)


def settle_landing(context: Context, run: Run, landing: Landing) -> Recovered:
    """Complete the landing of the run if its commit is on the base branch, else roll it back."""
    with git_locked(context.project):
        clear_shared_locks(context.repository, now=context.now())
        return recover_landing(
            context.repository,
            base_branch=context.base_branch_or_recorded,
            tip=landing.tip,
            commit=landing.commit,
            mark=str(run.id),
        )


def survivors_error(run: RunId, result: KillResult) -> HuskiesError:
    """Return the error that names the processes that survived SIGKILL."""
    names = ", ".join(f"{process.pid} {process.name}" for process in result.survivors)
    fact = f"run {run} could not be ended: {names or 'another process has its lock'}"
    hint = "End these processes yourself. No run of the story starts before that."
    return HuskiesError(fact, hint=hint, code="survivors", subject=str(run))


def _stop(context: Context, run: RunId, intent: KillIntent) -> Run:
    directory = RunDirectory(context.project.run_dir(run))
    with context.store.exclusive() as db:
        runs.mark_ending(db, run)
    for _ in range(KILL_ROUNDS):
        result = kill_run(directory, intent.to_json())
        with context.store.reading() as db:
            present = runs.load(db, run)
        if not present.is_live or (result.ended and end_if_dead(context, present, context.now())):
            return present
    raise survivors_error(run, result)


def _collect_facts(context: Context, run: Run) -> _EndFacts:
    directory = RunDirectory(context.project.run_dir(run.id))
    exit_ = _read_or_set_aside(directory.read_exit, directory.exit)
    if exit_ is None or exit_.survivors:
        freed = end_marked_processes(run.id, str(context.project.root))
        if not freed.ended:
            raise survivors_error(run.id, freed)
    recovered = None if run.landing is None else settle_landing(context, run, run.landing)
    clear_worktree_locks(context.repository, run.story)
    evidence = read_evidence(context, run, exit_)
    if run.kind is RunKind.MERGE:
        evidence = replace(evidence, merge=_merge_result(directory, run.landing, recovered))
    _mark_setups(context, run, exit_, directory)
    progress = exit_.progress if exit_ else _progress_of_dead(directory, run)
    return _EndFacts(exit_, progress, _read_intent(directory), evidence, recovered)


def _progress_of_dead(directory: RunDirectory, run: Run) -> Progress | None:
    """Return the last progress of a supervisor that died.

    The file may be a second old. If it lacks the agent's session, read the whole output, which may contain it.
    """
    progress = _read_or_set_aside(directory.read_progress, directory.progress)
    if not agent_sessions.has_sessions(run) or (progress is not None and progress.session_id is not None):
        return progress
    return measure_output(directory, run) or progress


def _read_intent(directory: RunDirectory) -> KillIntent | None:
    return _read_or_set_aside(lambda: read_kill_intent(directory), directory.kill)


def _read_or_set_aside(read: Callable[[], Record | None], path: str) -> Record | None:
    """Return the content of a file. Rename an unreadable file to `.broken`, so that the run can end in any case."""
    try:
        return read()
    except (HuskiesError, ValidationError):
        os.replace(path, f"{path}.broken")
        return None


def _merge_result(
    directory: RunDirectory, landing: Landing | None, recovered: Recovered | None
) -> merge_results.MergeResult:
    """Return the result of a merge run. After a landing began, only the base branch decides, not the file."""
    result = read_merge_result(directory)
    if landing is None or recovered is None:
        return result
    kind = merge_results.Landed if recovered.landed else merge_results.Interrupted
    return kind(landing.commit, branch_tip=result.branch_tip)


def _mark_setups(context: Context, run: Run, exit_: Exit | None, directory: RunDirectory) -> None:
    """Record in the worktree that the setup of its components is complete: it passed, and the run was not cut short."""
    digests = read_start_facts(directory).setups
    if not digests or exit_ is None or not exit_.steps:
        return
    last, is_cut_short = exit_.steps[-1], exit_.stopped or exit_.limit or exit_.survivors
    # The steps end at the first that does not pass, so a step after the setups proves them.
    if last.role is not Role.SETUP or (last.passed and not is_cut_short):
        mark_setup(context, run.story, digests)


def _record(
    context: Context, db: Connection, run: Run, facts: _EndFacts, state: Fingerprint, now: datetime
) -> bool:
    actor, progress = f"run:{run.id}", facts.progress or Progress()
    notice_changes(db, state, actor=actor, now=now)
    if not runs.load(db, run.id).is_live:
        return False
    outcome, detail = outcome_of(facts.exit, facts.intent)
    limit_reset = account_limits.note_end(db, run, outcome, progress, now)
    evidence = replace(facts.evidence, limit_reset=limit_reset, denied=dict(progress.denied))
    report = Report(
        outcome,
        "; ".join(filter(None, (detail, evidence.branch.problem))),
        evidence,
        turns=progress.turns,
        tool_turns=progress.tool_turns,
        cost_usd=progress.cost_usd,
        usage_final=facts.exit is not None or run.runtime is None,
    )
    runs.end(db, run.id, report, actor=actor, now=now)
    if facts.progress is not None:
        usage.put(db, run.id, *usage_of(progress), now=now)
    agent_sessions.remember(db, run, progress, outcome, now=now)
    if run.kind is RunKind.GATES and outcome is Outcome.COMPLETED:
        _record_pass(context, db, run, evidence, now)
    if run.verdict is Verdict.APPROVED:
        content.remove(db, run.story, content.QA_NOTES)
    _record_merge(db, run, facts, now)
    _apply_intent(db, run, outcome, facts.intent, now)
    return True


def _record_pass(context: Context, db: Connection, run: Run, evidence: Evidence, now: datetime) -> None:
    """Record that the tree passed its gates, unless the worktree was dirty: the gates then judged another tree."""
    content.remove(db, run.story, content.GATE_OUTPUT)
    definition = read_start_facts(RunDirectory(context.project.run_dir(run.id))).definition
    if definition and evidence.branch.tree and not evidence.branch.dirty:
        gate_passes.record(db, evidence.branch.tree, definition, now=now)


def _record_merge(db: Connection, run: Run, facts: _EndFacts, now: datetime) -> None:
    actor = f"run:{run.id}"
    if facts.recovered is not None and facts.recovered.users:
        kind, detail = journal.JournalKind.GIT, {"run": run.id, "paths": facts.recovered.users}
        journal.append(db, kind, "paths_left", actor=actor, now=now, story=run.story, detail=detail)
    merge = facts.evidence.merge
    match merge:
        case merge_results.Landed(commit):
            _apply_event(db, run, MergeSucceeded(commit, to_iso(now)), actor, now)
        case merge_results.BaseBroken():
            queue_holds.put(db, QueueHoldKind.BASE_BROKEN, QUEUE, merge.to_json(), actor=actor, now=now)
        case merge_results.BaseDirty():
            queue_holds.put(db, QueueHoldKind.BASE_DIRTY, run.story, merge.to_json(), actor=actor, now=now)
        case (
            None
            | merge_results.AlreadyMerged()
            | merge_results.Conflict()
            | merge_results.NoCommits()
            | merge_results.GatesFailed()
            | merge_results.LostRace()
            | merge_results.StoryMoved()
            | merge_results.Interrupted()
            | merge_results.OtherFailure()
            | merge_results.NoResult()
        ):
            pass  # `decide` derives the next step from the evidence.


def _apply_intent(
    db: Connection, run: Run, outcome: Outcome, intent: KillIntent | None, now: datetime
) -> None:
    if intent is not None and intent.freezes and outcome is Outcome.STOPPED:
        _apply_event(db, run, Freeze(), intent.actor or f"run:{run.id}", now)


def _apply_event(db: Connection, run: Run, event: Event, actor: str, now: datetime) -> None:
    """Apply the event to the visit of the run. Drop it, with a journal entry, if the story has left that visit."""
    try:
        transitions.apply_event(db, run.story, event, visit=run.visit, actor=actor, now=now)
    except transitions.Stale as stale:
        detail = {"run": run.id, "event": event.name, "why": stale.message}
        kind, story = journal.JournalKind.RUN, run.story
        journal.append(db, kind, "event_dropped", actor=actor, now=now, story=story, detail=detail)
