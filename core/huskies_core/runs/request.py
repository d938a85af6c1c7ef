"""A run that is wanted, and what it amounts to: its steps, its prompt, its environment and its limits."""

import sys
from dataclasses import dataclass

from huskies_core.clock import midnight
from huskies_core.config.load import gates_of
from huskies_core.config.records import Agent
from huskies_core.context import Context
from huskies_core.runs import agent_sessions, component_setup
from huskies_core.runs.agent_invocation import assignment_of
from huskies_core.runs.handoff_files import StartFacts, write_start_facts
from huskies_core.runs.own_program import own_program_dir
from huskies_core.runs.prompt_values import values_of
from huskies_core.runs.prompts import build_nudge, build_prompt
from huskies_core.runs.run_usage import prices_of
from huskies_core.runs.sandbox_policy import confine, held_database
from huskies_core.runs.steps import (
    agent_step,
    definition_of,
    gate_steps,
    merge_step,
    reader_of,
    teardown_steps,
)
from huskies_core.runs.story_worktrees import base_tip
from huskies_core.store import content, stories, usage
from huskies_core.store.runs import Run, RunKind
from huskies_core.store.stories import Story
from huskies_core.supervisor.environment import Allowance, RunVariables, agent_environment, read_env_file
from huskies_core.supervisor.run_directory import RunDirectory
from huskies_core.supervisor.spec import Limits, RunSpec, Step


@dataclass(frozen=True)
class RunRequest:
    """A run to start: for a story as it was seen, by an agent or, for gates and merges, by none.

    Of kind `other` and by no agent it is the teardown of a worktree that is about to go. One that `is_asked` for is
    no pass's: a pause does not hold it back.
    """

    story: Story
    kind: RunKind
    agent: Agent | None
    note: str = ""
    is_asked: bool = False


@dataclass(frozen=True)
class Message:
    """What an agent is sent, and the session that it goes on with."""

    text: str
    session: str | None = None


def build_run_spec(context: Context, order: RunRequest, run: Run, directory: RunDirectory) -> RunSpec:
    """What the supervisor of the run is to do. Leaves the prompt, and what is true of gates and setup now, in the run
    directory."""
    return RunSpec(
        run_id=run.id,
        project=str(context.project.root),
        steps=_steps(context, order, run, directory),
        env=_environment(context, order, run, directory),
        limits=_limits(context, order),
        reader=reader_of(order.agent),
        held_database=held_database(order.agent, context.project),
        model="" if order.agent is None else order.agent.model or "",
        prices=prices_of(context.config.project),
        advance=(sys.executable, "-P", "-m", "huskies_cli.main", "advance", str(run.id)),
    )


def _steps(context: Context, order: RunRequest, run: Run, directory: RunDirectory) -> tuple[Step, ...]:
    settings = context.config.project
    gates = gates_of(context.project, settings)
    if order.kind is RunKind.MERGE:
        write_start_facts(directory, StartFacts())
        return (merge_step(context.project, run.id),)
    place = context.project.worktree(order.story.id)
    if order.kind is RunKind.OTHER and order.agent is None:
        write_start_facts(directory, StartFacts())
        return teardown_steps(settings.components, place)
    prepare, digests = component_setup.needed(context, order.story.id, settings.components)
    definition = definition_of(gates, settings.components)
    facts = StartFacts(
        digests,
        definition if order.kind is RunKind.GATES else None,
        base_tip(context) if order.kind is RunKind.MERGEMASTER else None,
    )
    write_start_facts(directory, facts)
    if order.agent is None:
        return (*prepare, *gate_steps(gates, place))
    sent = message_of(context, order, order.agent)
    directory.write_prompt(sent.text)
    assignment = assignment_of(
        context.project, order.agent, order.story.id, sent.session, _least_budget(context, order), directory
    )
    step = agent_step(order.agent, assignment, place=place, prompt=directory.prompt)
    return (*prepare, _confined(context, order.story, order.agent, step, directory))


def _confined(context: Context, story: Story, agent: Agent, step: Step, directory: RunDirectory) -> Step:
    return confine(step, agent, context.project, story=story.id, run=directory, environ=context.environ)


def message_of(context: Context, order: RunRequest, agent: Agent) -> Message:
    """What the agent is sent when the order is carried out now: the whole prompt, or in its session what is new."""
    with context.store.reading() as db:
        left = content.of_story(db, order.story.id)
        epic = None if order.story.draft.epic is None else stories.load(db, order.story.draft.epic)
    values = values_of(context, order.story, left, epic)
    session = agent_sessions.to_resume(order.story, order.kind, agent, left)
    if session is not None:
        return Message(build_nudge(order.kind, values, order.note), session)
    return Message(build_prompt(context, agent, order.kind, values, order.note))


def _environment(context: Context, order: RunRequest, run: Run, directory: RunDirectory) -> dict[str, str]:
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


def _limits(context: Context, order: RunRequest) -> Limits:
    agent = order.agent
    if agent is None:
        return Limits()
    return Limits(
        max_turns=agent.max_turns,
        max_tool_turns=agent.max_tool_turns,
        max_budget_usd=_least_budget(context, order),
        inactivity_timeout_secs=agent.inactivity_timeout_secs,
        max_wall_secs=agent.max_wall_secs,
    )


def _least_budget(context: Context, order: RunRequest) -> float | None:
    """The least of the agent's own budget and what the story and the day have left, in US dollars."""
    settings = context.config.project
    left = [None if order.agent is None else order.agent.max_budget_usd]
    with context.store.reading() as db:
        if settings.budget.per_story_usd is not None:
            left.append(settings.budget.per_story_usd - usage.spent_on_story(db, order.story.id))
        if settings.budget.per_day_usd is not None:
            since = midnight(context.now(), settings.timezone)
            left.append(settings.budget.per_day_usd - usage.spent_since(db, since))
    known = [amount for amount in left if amount is not None]
    return min(known) if known else None
