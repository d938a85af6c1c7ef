"""Agents: their work, starts, stops and prompts; and the start of gates without a coder run."""

from pathlib import Path
from typing import Annotated

from msgspec import Struct
from msgspec.structs import asdict, replace

from huskies_core.config.load import gates_of
from huskies_core.config.records import Agent, AgentStage, Config
from huskies_core.context import Context
from huskies_core.errors import HuskiesError, StoryError
from huskies_core.humanize import did_you_mean
from huskies_core.ids import RunId, StoryId
from huskies_core.operations.branch_work import no_commits, read_work
from huskies_core.operations.common_arguments import StoryArgument, agent_argument, story_argument
from huskies_core.operations.operation import Command, operation
from huskies_core.operations.record_json import pick, run_json
from huskies_core.operations.story_events import load_story, refuse_epic, start
from huskies_core.pipeline.stages import Coding, MergeFailure, MergeFailureKind, StageName
from huskies_core.runs.account_limits import account_of
from huskies_core.runs.end import stop_and_freeze
from huskies_core.runs.request import RunRequest, message_of
from huskies_core.runs.rules import Rule
from huskies_core.runs.start import start_run
from huskies_core.scheduler.blockers import all_blockers, candidates, choose_agent, matches_any_agent
from huskies_core.scheduler.decisions import StartRun
from huskies_core.scheduler.snapshot import Snapshot, take_snapshot
from huskies_core.store import rate_limits, runs, stories
from huskies_core.store.rate_limits import Limit
from huskies_core.store.runs import Run, RunKind
from huskies_core.store.stories import Story, StoryType
from huskies_core.supervisor.run_directory import RunDirectory

_KIND_OF_STAGE = {StageName.BACKLOG: RunKind.CODER, StageName.CODING: RunKind.CODER, StageName.QA: RunKind.QA}
_RULES_OF_OTHER = frozenset({Rule.LIVE_RUN, Rule.BUDGET_EXHAUSTED})
_RULES = _RULES_OF_OTHER | {Rule.MAX_CODERS, Rule.NO_AGENT, Rule.AGENTS_BUSY}
"""The rules that also apply to a person."""


class AgentNow(Struct, frozen=True):
    """An agent, with its live run if it has one."""

    agent: Agent
    run: Run | None


class Stopped(Struct, frozen=True):
    """A story after its run was ended: frozen, unless it had finished before."""

    story: StoryId
    run: Run
    stage: StageName


class Prompt(Struct, frozen=True):
    """The prompt of the live `run` of an agent, or, if `run` is None, of a run that would start now."""

    story: StoryId
    agent: str
    kind: RunKind
    run: RunId | None
    prompt: str


def agent_json(now: AgentNow) -> dict[str, object]:
    agent, run = now.agent, now.run
    return {
        **pick(agent, "name", "stage", "runtime", "model"),
        "state": "idle" if run is None else "running",
        "story": None if run is None else run.story,
        "run": None if run is None else run.id,
    }


@operation(
    "list_agents", Command("agent list"), json=lambda agents: {"agents": list(map(agent_json, agents))}
)
def list_agents(context: Context) -> tuple[AgentNow, ...]:
    """List the agents and their current work.

    The agents are in the order of agents.toml. auto-assign chooses agents in this order.
    """
    with context.store.reading() as db:
        live = {run.agent: run for run in runs.live(db) if run.agent}
    return tuple(AgentNow(agent, live.get(agent.name)) for agent in context.config.agents)


@operation(
    "start_agent", Command("agent start"), json=lambda run: {"run": run_json(run)}, writes=True, long=True
)
def start_agent(
    context: Context,
    story: StoryArgument,
    agent: Annotated[
        str | None, agent_argument("The agent's name in agents.toml; by default a free agent.")
    ] = None,
) -> Run:
    """Start an agent on a story.

    The stage of the story determines the kind of run: a coder in backlog and coding, a QA agent in qa, a mergemaster
    after a conflict. A story in the backlog is started first. An agent of stage other works in any stage, but only if
    you name it. The start ignores retry delays and rate limits; max_coders and budgets apply.
    """
    request = _request(context, story, agent)
    if request.story.stage.name is StageName.BACKLOG and request.kind is RunKind.CODER:
        # If the start of the run fails after this, auto-assign finds the story in coding.
        start(context, story)
        request = replace(request, story=load_story(context, story), note="")
    return start_run(context, request, context.now())


def limit_on(context: Context, run: Run) -> Limit | None:
    """Return the limit that the account of a run has reached, if any; the run may end because of it."""
    with context.store.reading() as db:
        in_force = rate_limits.in_force(db, context.now())
    return next((limit for limit in in_force if limit.account == account_of(run)), None)


@operation(
    "stop_agent",
    Command("agent stop"),
    json=lambda stopped: {"story": stopped.story, "stage": stopped.stage, "run": run_json(stopped.run)},
    writes=True,
)
def stop_agent(context: Context, story: Annotated[StoryId, story_argument("running")]) -> Stopped:
    """End a story's run and freeze the story.

    The work of the run stays in the worktree. To continue the story, unfreeze it.
    """
    with context.store.reading() as db:
        stories.load(db, story)
        run = runs.live_of_story(db, story)
    if run is None:
        hint = f"'huskies freeze {story}' prevents the next one."
        raise StoryError(story, "has no live run", hint=hint, code="no_live_run")
    stop_and_freeze(context, run.id, f"stopped by {context.actor}")
    with context.store.reading() as db:
        return Stopped(story, runs.load(db, run.id), stories.load(db, story).stage.name)


@operation("agent_prompt", Command("agent prompt"), json=asdict)
def show_prompt(
    context: Context,
    story: StoryArgument,
    agent: Annotated[
        str | None,
        agent_argument("The agent's name in agents.toml. Default: the first that would get the story."),
    ] = None,
) -> Prompt:
    """Print the prompt of an agent.

    If the agent has a live run of the story, this is the prompt of that run. Otherwise it is the prompt of a run that
    would start now: the story, the handoff from earlier runs, and .huskies/AGENT.md. If you name an agent, the story
    may be in any stage. No agent is started.
    """
    with context.store.reading() as db:
        current = stories.load(db, story)
        snapshot = take_snapshot(context, db)
        named = None if agent is None else known_agent(snapshot, agent)
        sent = _sent(context, snapshot.live_run(current.id), named)
        if sent is not None:
            return sent
        refuse_epic(current)
        kind = _kind_of(current, None) if named is None else RunKind(named.stage.value)
        chosen = named or next(iter(candidates(snapshot, current, kind)), None)
        if chosen is None:
            fact, hint = f"there is no agent for a {kind.value} run", "'huskies agent list' shows the agents."
            raise HuskiesError(fact, hint=hint, code=Rule.NO_AGENT, subject=str(story))
        request = RunRequest(current, kind, chosen, _note_for(snapshot, current, kind))
    return Prompt(story, chosen.name, kind, None, message_of(context, request, chosen)[0])


@operation("run_gates", json=lambda run: {"run": run_json(run)}, writes=True, long=True)
def run_gates(context: Context, story: StoryArgument) -> Run:
    """Start the gates on the commits of a story in coding or QA.

    In coding, the gates have the same effect as after a coder's run: the story moves to QA or the merge queue, or a
    coder starts again with their output.
    """
    current = load_story(context, story)
    next_step = f"'huskies explain {story}' shows its next step."
    if current.stage.name not in (StageName.CODING, StageName.QA):
        fact = f"is in {current.stage.name.value}: gates run only in coding and qa"
        raise StoryError(story, fact, hint=next_step, code="wrong_stage")
    if current.draft.type is StoryType.SPIKE:
        fact = "is a spike: a person judges it, not the gates"
        raise StoryError(story, fact, hint=next_step, code="wrong_stage")
    if not gates_of(context.project, context.config.project):
        hint = "Add a [[gate]] to project.toml, or an executable script/test."
        raise HuskiesError("the project has no gates", hint=hint, code="no_gates")
    work = read_work(context, story)
    if not work.has_work:
        # Passed gates would block the story.
        raise no_commits(current, work, f"'huskies agent start {story}' starts a coder.")
    if work.dirty:
        fact = f"the worktree of story {story} has uncommitted changes"
        hint = f"Commit them: 'huskies worktree path {story}' prints the path."
        raise HuskiesError(fact, hint=hint, code="uncommitted", subject=str(story))
    return start_run(context, RunRequest(current, RunKind.GATES, None), context.now())


def _request(context: Context, number: StoryId, name: str | None) -> RunRequest:
    """Return the request for the run. Raise HuskiesError for the first rule that forbids it. Change nothing."""
    with context.store.reading() as db:
        story = stories.load(db, number)
        original = take_snapshot(context, db)
        # A person may start a run while its account is at a limit; auto-assign waits.
        snapshot = replace(original, limits=())
        named = None if name is None else _free_agent(snapshot, name)
        kind = _kind_of(story, named)
        refuse_epic(story)
        _refuse_blocked(snapshot, story, kind, named)
        agent = named or choose_agent(original, story, kind) or choose_agent(snapshot, story, kind)
        return RunRequest(story, kind, agent, _note_for(snapshot, story, kind), is_asked=True)


def _sent(context: Context, live: Run | None, named: Agent | None) -> Prompt | None:
    """Return the prompt of the live run; None if there is no such run, or its files are not written yet."""
    if live is None or live.agent is None or (named is not None and live.agent != named.name):
        return None
    path = Path(RunDirectory(context.project.run_dir(live.id)).prompt)
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    return Prompt(live.story, live.agent, live.kind, live.id, text)


def _note_for(snapshot: Snapshot, story: Story, kind: RunKind) -> str:
    """Return the note for the prompt if the next run of the story is of that kind, else ""."""
    decision = snapshot.decision(story)
    return decision.note if isinstance(decision, StartRun) and decision.kind is kind else ""


def known_agent(snapshot: Snapshot, name: str) -> Agent:
    """Return the agent. Raise HuskiesError `unknown_agent`, which names the most similar one."""
    agent = snapshot.config.agent(name)
    if agent is None:
        fact, hint = f"there is no agent {name}", _known_names(snapshot.config, name)
        raise HuskiesError(fact, hint=hint, code="unknown_agent", subject=name)
    return agent


def agent_advice(context: Context, name: str) -> str:
    """Return advice for a story that asks for an agent or a model that agents.toml does not have, else ""."""
    if matches_any_agent(context.config, name):
        return ""
    return (
        f"No agent has the name or model {name}: any agent of the stage takes the story."
        f" {_known_names(context.config, name)}"
    )


def _known_names(config: Config, name: str) -> str:
    names = [agent.name for agent in config.agents]
    return did_you_mean(name, names, f"agents.toml has: {', '.join(names) or 'none'}.")


def _free_agent(snapshot: Snapshot, name: str) -> Agent:
    agent = known_agent(snapshot, name)
    busy = next((run for run in snapshot.live if run.agent == name), None)
    if busy is not None:
        hint = f"'huskies logs {busy.story} -f' shows what it does."
        fact = f"{name} is busy with story {busy.story} (run {busy.id})"
        raise HuskiesError(fact, hint=hint, code=Rule.AGENTS_BUSY, subject=name)
    return agent


def _kind_of(story: Story, named: Agent | None) -> RunKind:
    """Return the kind of run that the story's stage needs.

    Raise HuskiesError `wrong_stage` if the stage needs no run, or `named` cannot do it.
    """
    if named is not None and named.stage is AgentStage.OTHER and not story.is_terminal:
        return RunKind.OTHER
    kind = _KIND_OF_STAGE.get(story.stage.name)
    if isinstance(story.stage, MergeFailure) and story.stage.kind is MergeFailureKind.CONFLICT_DETECTED:
        kind = RunKind.MERGEMASTER
    if kind is None:
        hint = f"'huskies explain {story.id}' shows what moves it."
        fact = f"no agent works on a story in {story.stage.name.value}"
        raise HuskiesError(fact, hint=hint, code="wrong_stage", subject=str(story.id))
    if named is not None and named.stage.value != kind.value:
        hint = "'huskies agent list' shows them."
        fact = f"{named.name} is an agent of stage {named.stage.value}; story {story.id} needs a {kind.value}"
        raise HuskiesError(fact, hint=hint, code="wrong_stage", subject=named.name)
    return kind


def _refuse_blocked(snapshot: Snapshot, story: Story, kind: RunKind, named: Agent | None) -> None:
    """Raise HuskiesError for the first blocker that applies to a person. Retry delays and limits do not apply."""
    rules = _RULES_OF_OTHER if kind is RunKind.OTHER else _RULES
    if named is not None:
        rules -= {Rule.NO_AGENT, Rule.AGENTS_BUSY}
    decision = StartRun(RunKind.CODER if kind is RunKind.OTHER else kind)
    # The caller has checked the stage. In coding, the story can have every blocker of a start.
    for blocker in all_blockers(snapshot, replace(story, stage=Coding()), decision):
        if blocker.rule in rules:
            hint = f"Try: {blocker.command}" if blocker.command else ""
            fact = f"story {story.id}: {blocker.detail}"
            raise HuskiesError(fact, hint=hint, code=blocker.rule, subject=str(story.id))
