"""Start a run: claim it in one transaction that checks every rule, prepare it, and launch its supervisor."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime

from huskies_core.context import Context
from huskies_core.errors import HuskiesError, LockBusy, Overtaken
from huskies_core.git.create import BRANCH_EXISTS, CreatedWorktree
from huskies_core.git.settings import take_fingerprint
from huskies_core.pipeline.events import Block
from huskies_core.runs import prompts
from huskies_core.runs.end import end_left_run, record_failed_start
from huskies_core.runs.evidence import notice_changes
from huskies_core.runs.request import RunRequest, build_run_spec
from huskies_core.runs.rules import Rule, reached_limit
from huskies_core.runs.sandbox import require_sandbox
from huskies_core.runs.story_worktrees import base_tip, catch_up_with_base, make_worktrees
from huskies_core.store import pauses, runs, stories, timers, transitions
from huskies_core.store.connection import Connection
from huskies_core.store.runs import Run, RunKind
from huskies_core.store.stories import Story
from huskies_core.supervisor.environment import read_env_file, shim_environment
from huskies_core.supervisor.launch import launch
from huskies_core.supervisor.run_directory import RunDirectory, hold_lock


def start_run(context: Context, request: RunRequest, now: datetime) -> Run:
    """Start a run and return it as recorded: live, or ended if its story has moved since the claim.

    Raise HuskiesError, with nothing written, if a rule or the config forbids it.

    If this process is killed after the claim, no process holds the run's lock, and the next tick records the run as
    crashed. If the start fails after the claim, record the run as crashed and raise the error.
    """
    _check_config(context, request)
    with _claimed(context, request, now) as (run, lock):
        _launch(context, request, run, lock)
    # The run has started, even if the store is busy: a row that says `starting` counts as live.
    with suppress(LockBusy):
        with context.store.exclusive() as db:
            runs.mark_live(db, run.id)
            visit, is_live = stories.load(db, run.story).visit, runs.load(db, run.id).is_live
        if is_live and visit != run.visit:
            # An event moved the story between the claim and the launch, when the run had no process to end.
            end_left_run(context, run.id)
    with context.store.reading() as db:
        return runs.load(db, run.id)


def _check_config(context: Context, request: RunRequest) -> None:
    """Raise errors that a retry cannot fix, before a retry is counted."""
    read_env_file(context.project.env_file)
    base_tip(context)
    require_sandbox(request.agent, context.project, context.environ)
    if request.agent is not None:
        prompts.template_of(context, request.agent, request.kind)


@contextmanager
def _claimed(context: Context, request: RunRequest, now: datetime) -> Iterator[tuple[Run, int]]:
    """Yield the claimed run and its lock. Take the lock in the transaction that records the run."""
    state = take_fingerprint(context.repository)
    with ExitStack() as stack:
        with context.store.exclusive() as db:
            notice_changes(db, state, actor=context.actor, now=now)
            run = _claim(context, request, db, now)
            directory = RunDirectory(context.project.run_dir(run.id))
            lock = hold_lock(directory, f"run {run.id}", stack)
            directory.clear()
        try:
            yield run, lock
        except (HuskiesError, OSError) as error:
            record_failed_start(context, run, str(error), context.now())
            raise


def _claim(context: Context, request: RunRequest, db: Connection, now: datetime) -> Run:
    story, agent = stories.load(db, request.story.id), request.agent
    if story.visit != request.story.visit:
        fact = f"story {story.id} has moved to {story.stage.name.value}"
        raise Overtaken(fact, code="stale", subject=str(story.id))
    if agent is not None and not request.is_asked and pauses.get(db) is not None:
        raise Overtaken("the start of agents is paused", code=Rule.PAUSED)
    limit = reached_limit(context.config.project, request.kind, runs.live(db))
    if limit is not None:
        rule, detail = limit
        raise Overtaken(f"{rule}: {detail}", code=rule)
    timers.stop_waiting(db, story.id, actor=context.actor, now=now)
    return runs.claim(db, request.claim, actor=context.actor, now=now)


def _launch(context: Context, request: RunRequest, run: Run, lock: int) -> None:
    if request.kind is not RunKind.MERGE:
        _ensure_worktree(context, request.story, context.now())
    if request.kind is RunKind.CODER:
        catch_up_with_base(context, request.story.id)
    directory = RunDirectory(context.project.run_dir(run.id))
    spec = build_run_spec(context, request, run, directory)
    allowed = {name for agent in context.config.agents for name in agent.env_allow}
    launch(directory, lock, spec, shim_env=shim_environment(context.environ, sorted(allowed)))


def _ensure_worktree(context: Context, story: Story, now: datetime) -> None:
    result = make_worktrees(context, [story.id], now)[story.id]
    if isinstance(result, CreatedWorktree):
        return
    if result.reason == BRANCH_EXISTS:
        block = Block(BRANCH_EXISTS)
        with context.store.exclusive() as db:
            transitions.apply_event(db, story.id, block, visit=story.visit, actor=context.actor, now=now)
    why = result.detail or result.reason
    raise HuskiesError(f"story {story.id} has no worktree: {why}", code="no_worktree")
