"""Starting a run: claimed in one transaction that checks every rule, then made ready and handed to its supervisor."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from huskies_core.agents import hygiene, merging, prompts, setups
from huskies_core.agents.ending import STARTING_FILE, record_failed_start
from huskies_core.agents.program import own_program_dir
from huskies_core.agents.steps import agent_step, definition_of, gate_steps, reader_of, teardown_steps
from huskies_core.agents.stopping import end_left_run
from huskies_core.agents.worktrees import BRANCH_EXISTS, NotMade, base_tip, catch_up_with_base, make_worktrees
from huskies_core.agents.world import midnight
from huskies_core.config.load import gates_of
from huskies_core.config.records import Agent
from huskies_core.context import Context
from huskies_core.errors import HuskiesError, Overtaken
from huskies_core.git.hygiene import fingerprint
from huskies_core.pipeline.events import Block
from huskies_core.runs.directory import RunDirectory
from huskies_core.runs.environment import (
    Allowance,
    RunVariables,
    agent_environment,
    read_env_file,
    shim_environment,
)
from huskies_core.runs.launch import launch
from huskies_core.runs.liveness import take_lock
from huskies_core.runs.spec import Limits, RunSpec, Step
from huskies_core.store import content, firing, runs, stories, usage
from huskies_core.store.connection import Connection
from huskies_core.store.runs import Claim, Run, RunKind
from huskies_core.store.stories import Story


@dataclass(frozen=True)
class Order:
    """A run to start: for a story as it was seen, by an agent or, for gates and merges, by none.

    Of kind `other` and by no agent it is the teardown of a worktree that is about to go.
    """

    story: Story
    kind: RunKind
    agent: Agent | None
    note: str = ""


def start_run(context: Context, order: Order, now: datetime) -> Run:
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
    if visit != live.visit:
        # The story was moved between the claim and the launch, when there was nothing yet to end.
        end_left_run(context, live.id)
    return live


def _check_config(context: Context, order: Order) -> None:
    """Raises what no second try would mend, before a try is spent on it."""
    reader_of(order.agent)
    read_env_file(context.project.env_file)
    base_tip(context)
    if order.agent is not None:
        prompts.template_of(context, order.agent, order.kind)


@contextmanager
def _claimed(context: Context, order: Order, now: datetime) -> Iterator[tuple[Run, int]]:
    """Holds the run's lock from inside the transaction that records it until the supervisor has it."""
    seen = fingerprint(context.repository)
    with ExitStack() as held:
        with context.store.exclusive() as db:
            hygiene.notice_changes(db, seen, actor=context.actor, now=now)
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


def _claim(context: Context, order: Order, db: Connection, now: datetime) -> Run:
    story = stories.load(db, order.story.id)
    if story.visit != order.story.visit:
        raise Overtaken(
            f"story {story.id} has moved on to {story.stage.name.value}", code="stale", subject=str(story.id)
        )
    _check_limits(context, order.kind, runs.live(db))
    agent = order.agent
    runtime = None if agent is None else agent.runtime.value
    model = None if agent is None else agent.model
    name = None if agent is None else agent.name
    wanted = Claim(story.id, order.kind, story.visit, name, runtime, model)
    return runs.claim(db, wanted, actor=context.actor, now=now)


def _check_limits(context: Context, kind: RunKind, live: tuple[Run, ...]) -> None:
    settings = context.config.project
    coders = sum(run.kind is RunKind.CODER for run in live)
    unattended = sum(run.kind in (RunKind.GATES, RunKind.MERGE) for run in live)
    if kind is RunKind.CODER and coders >= settings.max_coders:
        raise Overtaken(f"max_coders is {settings.max_coders}: so many are at work", code="max_coders")
    if kind in (RunKind.GATES, RunKind.MERGE) and unattended >= settings.max_gates:
        raise Overtaken(
            f"max_gates is {settings.max_gates}: so many gates and merges are live", code="max_gates"
        )


def _make_ready(context: Context, order: Order, run: Run, lock: int) -> None:
    if order.kind is not RunKind.MERGE:
        _ensure_worktree(context, order.story, context.now())
    if order.kind is RunKind.CODER:
        catch_up_with_base(context, order.story.id)
    directory = RunDirectory(context.project.run_dir(run.id))
    spec = _spec(context, order, run, directory)
    allowed = {name for agent in context.config.agents for name in agent.env_allow}
    launch(directory, lock, spec, shim_env=shim_environment(context.environ, sorted(allowed)))


def _ensure_worktree(context: Context, story: Story, now: datetime) -> None:
    made = make_worktrees(context, [story.id], now)[story.id]
    if not isinstance(made, NotMade):
        return
    if not made.adoptable:
        with context.store.exclusive() as db:
            firing.fire(db, story.id, Block(BRANCH_EXISTS), visit=story.visit, actor=context.actor, now=now)
    raise HuskiesError(f"no worktree for story {story.id}: {made.reason}", code="no_worktree")


def _spec(context: Context, order: Order, run: Run, directory: RunDirectory) -> RunSpec:
    return RunSpec(
        run_id=run.id,
        project=str(context.project.root),
        steps=_steps(context, order, run, directory),
        env=_environment(context, order, run, directory),
        limits=_limits(context, order),
        reader=reader_of(order.agent),
        advance=(sys.executable, "-P", "-m", "huskies_cli.main", "advance", str(run.id)),
    )


def _steps(context: Context, order: Order, run: Run, directory: RunDirectory) -> tuple[Step, ...]:
    settings = context.config.project
    gates = gates_of(context.project, settings)
    if order.kind is RunKind.MERGE:
        _remember(directory, {})
        return (merging.merge_step(context.project, run.id),)
    place = context.project.worktree(order.story.id)
    if order.kind is RunKind.OTHER and order.agent is None:
        _remember(directory, {})
        return teardown_steps(settings.components, place)
    prepare, digests = setups.needed(context, order.story.id, settings.components)
    definition = definition_of(gates, settings.components)
    resolving = order.kind is RunKind.MERGEMASTER
    _remember(
        directory,
        {
            "setups": digests,
            "definition": definition if order.kind is RunKind.GATES else None,
            "base": base_tip(context) if resolving else None,
        },
    )
    if order.agent is None:
        return (*prepare, *gate_steps(gates, place))
    directory.write_prompt(_prompt(context, order, order.agent))
    return (*prepare, agent_step(order.agent, place=place, prompt=directory.prompt))


def _remember(directory: RunDirectory, told: dict[str, object]) -> None:
    Path(directory.path, STARTING_FILE).write_text(json.dumps(told))


def _prompt(context: Context, order: Order, agent: Agent) -> str:
    with context.store.reading() as db:
        left = content.of_story(db, order.story.id)
        epic = None if order.story.draft.epic is None else stories.load(db, order.story.draft.epic)
    variables = prompts.variables_of(context, order.story, left, epic)
    return prompts.build_prompt(context, agent, order.kind, variables, order.note)


def _environment(context: Context, order: Order, run: Run, directory: RunDirectory) -> dict[str, str]:
    project, agent = context.project, order.agent
    merging_now = order.kind is RunKind.MERGE
    place = project.merge_workspace if merging_now else project.worktree(order.story.id)
    variables = RunVariables(
        project=str(project.root),
        story_id=order.story.id,
        run_id=run.id,
        agent=agent.name if agent is not None else "huskies",
        stage=order.kind.value,
        base_branch=context.base_branch,
        worktree=str(place),
        prompt_file=directory.prompt,
    )
    allowance = Allowance(
        env={} if agent is None else agent.env,
        env_allow=() if agent is None else agent.env_allow,
        env_file=read_env_file(project.env_file),
    )
    identity_known = not context.repository.identity
    return agent_environment(
        context.environ,
        variables,
        allowance,
        bin_dir=str(own_program_dir(project)),
        identity_known=identity_known,
    )


def _limits(context: Context, order: Order) -> Limits:
    agent = order.agent
    if agent is None:
        return Limits()
    return Limits(
        max_turns=agent.max_turns,
        max_tool_turns=agent.max_tool_turns,
        max_budget_usd=_least_budget(context, order.story, agent),
        inactivity_timeout_secs=agent.inactivity_timeout_secs,
        max_wall_secs=agent.max_wall_secs,
    )


def _least_budget(context: Context, story: Story, agent: Agent) -> float | None:
    """The least of the agent's own budget and what the story and the day have left, in US dollars."""
    settings = context.config.project
    left = [agent.max_budget_usd]
    with context.store.reading() as db:
        if settings.budget.per_story_usd is not None:
            left.append(settings.budget.per_story_usd - usage.spent_on_story(db, story.id))
        if settings.budget.per_day_usd is not None:
            since = midnight(context.now(), settings.timezone)
            left.append(settings.budget.per_day_usd - usage.spent_since(db, since))
    known = [amount for amount in left if amount is not None]
    return min(known) if known else None
