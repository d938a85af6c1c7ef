"""A request for a run, and the specification for its supervisor: steps, prompt, environment and limits."""

import json
import sys

from msgspec import Struct

from huskies_core.atomic_file import replace_file
from huskies_core.clock import midnight
from huskies_core.config.load import gates_of
from huskies_core.config.records import Agent
from huskies_core.context import Context
from huskies_core.git.worktrees import checkout_of
from huskies_core.runs import agent_sessions
from huskies_core.runs.handoff_files import StartFacts, write_start_facts
from huskies_core.runs.programs import mcp_server, own_program_dir
from huskies_core.runs.prompts import build_nudge, build_prompt, prompt_values
from huskies_core.runs.sandbox import confine
from huskies_core.runs.steps import component_steps, definition_of, gate_steps, pending_setup
from huskies_core.runs.story_worktrees import base_tip
from huskies_core.runtimes.registry import load_runtime, reader_module
from huskies_core.runtimes.runtime import Assignment
from huskies_core.store import content, stories, usage
from huskies_core.store.runs import Run, RunClaim, RunKind
from huskies_core.store.stories import Story
from huskies_core.supervisor.environment import RunVariables, agent_environment, read_env_file
from huskies_core.supervisor.records import Limits, Role, RunSpec, Step
from huskies_core.supervisor.run_directory import RunDirectory

MERGE_PROGRAM = "huskies_core.merge.process"
"""The module that a merge run executes. It is a name and not an import, because the package imports this module."""


class RunRequest(Struct, frozen=True):
    """A request to start a run for the story as it was read. Gates and merges have no agent.

    A run of kind other without an agent is the teardown of a worktree before its removal. `is_asked` is set if a person
    requested the run, which then ignores the pause.
    """

    story: Story
    kind: RunKind
    agent: Agent | None
    note: str = ""
    is_asked: bool = False

    @property
    def claim(self) -> RunClaim:
        agent = self.agent
        program = (None, None, None) if agent is None else (agent.name, agent.runtime, agent.model)
        return RunClaim(self.story.id, self.kind, self.story.visit, *program)


def build_run_spec(context: Context, request: RunRequest, run: Run, directory: RunDirectory) -> RunSpec:
    """Return the specification for the run's supervisor.

    Write the prompt, the MCP configuration and the facts about gates and setup into the run directory.
    """
    project, agent, limits = context.project, request.agent, _limits_of(context, request)
    in_sandbox = agent is not None and agent.sandbox is not None
    is_merge = request.kind is RunKind.MERGE
    variables = RunVariables(
        project=str(project.root),
        story_id=request.story.id,
        run_id=run.id,
        agent="huskies" if agent is None else agent.name,
        stage=request.kind.value,
        base_branch=context.base_branch,
        worktree=str(project.merge_workspace if is_merge else project.worktree(request.story.id)),
        prompt_file=directory.prompt,
    )
    return RunSpec(
        run_id=run.id,
        project=str(project.root),
        steps=_build_steps(context, request, run, directory, limits),
        env=environment_of(context, agent, variables),
        limits=limits,
        reader=reader_module("command" if agent is None else agent.runtime),
        # The sandbox shows each file of the database, so the files must stay the same ones.
        held_database=str(project.database) if in_sandbox else None,
        model="" if agent is None else agent.model or "",
        prices=dict(context.config.project.pricing),
        advance=context.own_command("advance", str(run.id)),
    )


def message_of(context: Context, request: RunRequest, agent: Agent) -> tuple[str, str | None]:
    """Return the prompt of an agent, which is short for a resumed session, and the session that the agent resumes."""
    story, kind = request.story, request.kind
    with context.store.reading() as db:
        texts = content.of_story(db, story.id)
        epic = None if story.draft.epic is None else stories.load(db, story.draft.epic)
    values = prompt_values(context, story, texts, epic)
    session = agent_sessions.session_to_resume(story, kind, agent, texts)
    if session is None:
        return build_prompt(context, agent, kind, values, request.note), None
    return build_nudge(kind, values, request.note), session


def environment_of(context: Context, agent: Agent | None, variables: RunVariables) -> dict[str, str]:
    """Return the whole environment of a run of `agent` or, if that is None, of a run of gates or a merge."""
    return agent_environment(
        context.environ,
        variables,
        env={} if agent is None else agent.env,
        env_allow=() if agent is None else agent.env_allow,
        env_file=read_env_file(context.project.env_file),
        bin_dir=str(own_program_dir(context.project)),
        identity_known=not context.repository.identity,
    )


def _build_steps(
    context: Context, request: RunRequest, run: Run, directory: RunDirectory, limits: Limits
) -> tuple[Step, ...]:
    project, settings, kind = context.project, context.config.project, request.kind
    if kind is RunKind.MERGE:
        # The merge runs in its own process, so that the run's limits apply to it.
        argv = (sys.executable, "-P", "-m", MERGE_PROGRAM, str(project.root), str(run.id))
        return (Step("merge", Role.MERGE, argv, str(project.root)),)
    worktree = project.worktree(request.story.id)
    if kind is RunKind.OTHER and request.agent is None:
        return component_steps(Role.TEARDOWN, settings.components, worktree)
    gates = gates_of(project, settings)
    setup, digests = pending_setup(context, request.story.id, settings.components)
    definition = definition_of(gates, settings.components) if kind is RunKind.GATES else None
    base = base_tip(context) if kind is RunKind.MERGEMASTER else None
    write_start_facts(directory, StartFacts(digests, definition, base))
    if request.agent is None:
        return (*setup, *gate_steps(gates, worktree))
    return (*setup, _agent_step(context, request, request.agent, directory, limits))


def _agent_step(
    context: Context, request: RunRequest, agent: Agent, directory: RunDirectory, limits: Limits
) -> Step:
    """Return the agent's step, in its sandbox. It has no timeout of its own: the run's limits apply.

    If the MCP server is available, write mcp.json into the run directory, so that no file appears in the worktree.
    """
    project, story = context.project, request.story.id
    text, session = message_of(context, request, agent)
    directory.write_prompt(text)
    server = mcp_server(project)
    if server:
        document = {"mcpServers": {"huskies": {"command": server[0], "args": list(server[1:])}}}
        replace_file(directory.mcp_config, json.dumps(document).encode())
    # git writes here when the agent commits, and the store is here. Programs that protect git's folders need the
    # worktree's own folder first.
    checkout = checkout_of(project, story)
    own = () if checkout is None else (str(checkout.git_dir),)
    assignment = Assignment(
        command=agent.command,
        model=agent.model,
        system_prompt=agent.system_prompt,
        max_budget_usd=limits.max_budget_usd,
        allowed_tools=agent.allowed_tools,
        disallowed_tools=agent.disallowed_tools,
        session=session,
        mcp_config=directory.mcp_config if server else None,
        mcp_server=server,
        writable=(*own, str(project.git_dir), str(project.state_dir)),
        is_confined=agent.sandbox is not None,
    )
    argv = load_runtime(agent.runtime).argv(assignment)
    step = Step(agent.name, Role.AGENT, argv, str(project.worktree(story)), stdin=directory.prompt)
    return confine(step, agent, project, story, directory, context.environ)


def _limits_of(context: Context, request: RunRequest) -> Limits:
    """Return the agent's limits. The budget is the smallest of the agent's and what the story and the day have left."""
    agent, budget = request.agent, context.config.project.budget
    if agent is None:
        return Limits()
    amounts = [agent.max_budget_usd]
    with context.store.reading() as db:
        if budget.per_story_usd is not None:
            amounts.append(budget.per_story_usd - usage.spent_on_story(db, request.story.id))
        if budget.per_day_usd is not None:
            since = midnight(context.now(), context.config.project.timezone)
            amounts.append(budget.per_day_usd - usage.spent_since(db, since))
    return Limits(
        max_turns=agent.max_turns,
        max_tool_turns=agent.max_tool_turns,
        max_budget_usd=min((amount for amount in amounts if amount is not None), default=None),
        inactivity_timeout_secs=agent.inactivity_timeout_secs,
        max_wall_secs=agent.max_wall_secs,
    )
