"""Starting a run: claimed in one transaction that checks every rule, then made ready and handed to its supervisor."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime

from huskies_core.context import Context
from huskies_core.errors import HuskiesError, Overtaken
from huskies_core.git.repository_state import fingerprint
from huskies_core.pipeline.events import Block
from huskies_core.runs import prompts, repository_watch
from huskies_core.runs.end import record_failed_start
from huskies_core.runs.request import RunRequest, build_run_spec
from huskies_core.runs.rules import Rule, reached_limit
from huskies_core.runs.sandbox_policy import require_sandbox
from huskies_core.runs.stop import end_left_run
from huskies_core.runs.story_worktrees import (
    BRANCH_EXISTS,
    NotMade,
    base_tip,
    catch_up_with_base,
    make_worktrees,
)
from huskies_core.store import pauses, runs, stories, timers, transitions
from huskies_core.store.connection import Connection
from huskies_core.store.runs import Claim, Run, RunKind
from huskies_core.store.stories import Story
from huskies_core.supervisor.environment import read_env_file, shim_environment
from huskies_core.supervisor.launch import launch
from huskies_core.supervisor.liveness import take_lock
from huskies_core.supervisor.run_directory import RunDirectory


def start_run(context: Context, order: RunRequest, now: datetime) -> Run:
    """Starts a run and returns it live. Raises HuskiesError when a rule or the config forbids it; nothing is written
    then.

    Killed after the claim, it leaves a starting run whose lock is free: the next tick records it as crashed. A start
    that fails after the claim is recorded as one, too, and raised.
    """
    _check_config(context, order)
    with _claimed(context, order, now) as (run, lock):
        _make_ready(context, order, run, lock)
    with context.store.exclusive() as db:
        runs.mark_live(db, run.id)
        live, visit = runs.load(db, run.id), stories.load(db, order.story.id).visit
    if live.is_live and visit != live.visit:
        # The story was moved between the claim and the launch, when there was nothing yet to end.
        end_left_run(context, live.id)
    return live


def _check_config(context: Context, order: RunRequest) -> None:
    """Raises what no second try would mend, before a try is spent on it."""
    read_env_file(context.project.env_file)
    base_tip(context)
    require_sandbox(order.agent, context.project, context.environ)
    if order.agent is not None:
        prompts.template_of(context, order.agent, order.kind)


@contextmanager
def _claimed(context: Context, order: RunRequest, now: datetime) -> Iterator[tuple[Run, int]]:
    """Holds the run's lock from inside the transaction that records it until the supervisor has it."""
    seen = fingerprint(context.repository)
    with ExitStack() as held:
        with context.store.exclusive() as db:
            repository_watch.notice_changes(db, seen, actor=context.actor, now=now)
            run = _claim(context, order, db, now)
            directory = RunDirectory(context.project.run_dir(run.id))
            lock = take_lock(directory)
            if lock is None:
                raise Overtaken(f"the lock of run {run.id} is held by somebody else", code="already_running")
            held.callback(os.close, lock)
            directory.clear()
        try:
            yield run, lock
        except (HuskiesError, OSError) as error:
            record_failed_start(context, run, str(error), context.now())
            raise


def _claim(context: Context, order: RunRequest, db: Connection, now: datetime) -> Run:
    story = stories.load(db, order.story.id)
    if story.visit != order.story.visit:
        raise Overtaken(
            f"story {story.id} has moved on to {story.stage.name.value}", code="stale", subject=str(story.id)
        )
    _check_pause(order, db)
    _check_limits(context, order.kind, runs.live(db))
    agent = order.agent
    runtime = None if agent is None else agent.runtime
    model = None if agent is None else agent.model
    name = None if agent is None else agent.name
    wanted = Claim(story.id, order.kind, story.visit, name, runtime, model)
    timers.stop_waiting(db, story.id, actor=context.actor, now=now)
    return runs.claim(db, wanted, actor=context.actor, now=now)


def _check_pause(order: RunRequest, db: Connection) -> None:
    if order.agent is not None and not order.is_asked and pauses.get(db) is not None:
        raise Overtaken("starting agents is paused", code=Rule.PAUSED)


def _check_limits(context: Context, kind: RunKind, live: tuple[Run, ...]) -> None:
    settings = context.config.project
    limit = reached_limit(settings, kind, live)
    if limit is Rule.MAX_CODERS:
        raise Overtaken(f"max_coders is {settings.max_coders}, and so many coders are live", code=limit)
    if limit is Rule.MAX_GATES:
        raise Overtaken(
            f"max_gates is {settings.max_gates}, and so many gates and merges are live", code=limit
        )


def _make_ready(context: Context, order: RunRequest, run: Run, lock: int) -> None:
    if order.kind is not RunKind.MERGE:
        _ensure_worktree(context, order.story, context.now())
    if order.kind is RunKind.CODER:
        catch_up_with_base(context, order.story.id)
    directory = RunDirectory(context.project.run_dir(run.id))
    spec = build_run_spec(context, order, run, directory)
    allowed = {name for agent in context.config.agents for name in agent.env_allow}
    launch(directory, lock, spec, shim_env=shim_environment(context.environ, sorted(allowed)))


def _ensure_worktree(context: Context, story: Story, now: datetime) -> None:
    made = make_worktrees(context, [story.id], now)[story.id]
    if not isinstance(made, NotMade):
        return
    if not made.adoptable:
        with context.store.exclusive() as db:
            transitions.apply_event(
                db, story.id, Block(BRANCH_EXISTS), visit=story.visit, actor=context.actor, now=now
            )
    raise HuskiesError(f"no worktree for story {story.id}: {made.reason}", code="no_worktree")
