"""The agents and what they do; starting one on a story, and stopping it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from huskies_core.config.records import Agent, AgentStage, Config
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.operations import moves
from huskies_core.pipeline.stages import Coding, FailureKind, MergeFailure, StageName
from huskies_core.runs.account_limits import account_of
from huskies_core.runs.authorization import refuse_inside_run
from huskies_core.runs.request import RunRequest
from huskies_core.runs.rules import Rule
from huskies_core.runs.start import start_run
from huskies_core.runs.stop import stop_and_freeze
from huskies_core.scheduler.blockers import (
    Blocker,
    all_blockers,
    choose_agent,
    matches_any_agent,
)
from huskies_core.scheduler.decisions import StartRun
from huskies_core.scheduler.snapshot import Snapshot, take_snapshot
from huskies_core.store import rate_limits, runs, stories
from huskies_core.store.rate_limits import Limit
from huskies_core.store.runs import Run, RunKind
from huskies_core.store.stories import Story, StoryType
from huskies_core.suggest import nearest

_KINDS = {
    StageName.BACKLOG: RunKind.CODER,
    StageName.CODING: RunKind.CODER,
    StageName.QA: RunKind.QA,
}
_OF_ANY_START = frozenset({Rule.LIVE_RUN, Rule.BUDGET_EXHAUSTED})
_OF_STARTS = _OF_ANY_START | {Rule.MAX_CODERS, Rule.NO_AGENT, Rule.AGENTS_BUSY}


@dataclass(frozen=True)
class AgentNow:
    """An agent, and the live run that it is in."""

    agent: Agent
    run: Run | None


@dataclass(frozen=True)
class Stopped:
    """A story whose run was ended, and where it stands now: frozen, unless it was over before."""

    story: int
    run: Run
    stage: StageName


def list_agents(context: Context) -> tuple[AgentNow, ...]:
    """In the order of agents.toml."""
    with context.store.reading() as db:
        live = {run.agent: run for run in runs.live(db) if run.agent}
    return tuple(AgentNow(agent, live.get(agent.name)) for agent in context.config.agents)


def start_agent(context: Context, story: int, name: str | None = None) -> Run:
    """Starts a run of the kind that the story's stage calls for, by `name` or by whoever is free; the run is live then.

    A story in backlog is started first. An agent of stage `other` works wherever the story stands. A wait after a crash
    is cut short. Raises HuskiesError when a rule forbids it, with nothing changed; a start that fails after that leaves
    the story in coding, for auto-assign.
    """
    refuse_inside_run(context)
    order = _order(context, story, name)
    if order.story.stage.name is StageName.BACKLOG and order.kind is RunKind.CODER:
        moves.start(context, story)
        order = replace(order, story=moves.seen_story(context, story), note="")
    return start_run(context, order, context.now())


def limit_on(context: Context, run: Run) -> Limit | None:
    """The limit that the account of a run is at: what was started all the same may end at it at once."""
    with context.store.reading() as db:
        in_force = rate_limits.in_force(db, context.now())
    return next((limit for limit in in_force if limit.account == account_of(run)), None)


def stop_agent(context: Context, story: int) -> Stopped:
    """Ends the story's run and freezes the story. Raises HuskiesError `no_live_run`, and `survivors` when a process
    would not go: nothing is recorded then."""
    refuse_inside_run(context)
    with context.store.reading() as db:
        stories.load(db, story)
        run = runs.live_of_story(db, story)
    if run is None:
        hint = f"'huskies freeze {story}' keeps the next one from starting."
        raise HuskiesError(
            f"story {story} has no live run", hint=hint, code="no_live_run", subject=str(story)
        )
    stop_and_freeze(context, run.id, f"stopped by {context.actor}")
    with context.store.reading() as db:
        return Stopped(story, runs.load(db, run.id), stories.load(db, story).stage.name)


def _order(context: Context, story: int, name: str | None) -> RunRequest:
    with context.store.reading() as db:
        seen = stories.load(db, story)
        known = take_snapshot(context, db)
        # A person may try at once what auto-assign waits with: the limit of an account.
        snapshot = replace(known, limits=())
        named = None if name is None else _free(snapshot, name)
        kind = kind_of(seen, named)
        refuse_epic(seen)
        _refuse_held(snapshot, seen, kind, named)
        agent = named or choose_agent(known, seen, kind) or choose_agent(snapshot, seen, kind)
        decision = snapshot.decision(seen)
        note = decision.note if isinstance(decision, StartRun) and decision.kind is kind else ""
    return RunRequest(seen, kind, agent, note, is_asked=True)


def known_agent(snapshot: Snapshot, name: str) -> Agent:
    """Raises HuskiesError `unknown_agent` that names the one that was probably meant."""
    agent = snapshot.config.agent(name)
    if agent is None:
        fact, hint = f"there is no agent {name}", _known_names(snapshot.config, name)
        raise HuskiesError(fact, hint=hint, code="unknown_agent", subject=name)
    return agent


def advice_on(context: Context, wanted: str | None) -> str:
    """What to say when a story names an agent that no agent is, nor has the model of; "" when all is well."""
    if wanted is None or matches_any_agent(context.config, wanted):
        return ""
    return (
        f"There is no agent {wanted}, and none has such a model: any of the stage takes the story."
        f" {_known_names(context.config, wanted)}"
    )


def _known_names(config: Config, name: str) -> str:
    known = [one.name for one in config.agents]
    meant = nearest(name, known)
    return f"Did you mean {meant}?" if meant else f"agents.toml has: {', '.join(known) or 'none'}."


def _free(snapshot: Snapshot, name: str) -> Agent:
    agent = known_agent(snapshot, name)
    busy = next((run for run in snapshot.live if run.agent == name), None)
    if busy is not None:
        hint = f"'huskies logs {busy.story} -f' shows what it does."
        fact = f"{name} is busy with story {busy.story} (run {busy.id})"
        raise HuskiesError(fact, hint=hint, code=Rule.AGENTS_BUSY, subject=name)
    return agent


def kind_of(story: Story, named: Agent | None) -> RunKind:
    """What kind of run the story's stage calls for. Raises HuskiesError `wrong_stage` when it calls for none, or for
    none by `named`."""
    if named is not None and named.stage is AgentStage.OTHER and not story.is_terminal:
        return RunKind.OTHER
    kind = _KINDS.get(story.stage.name)
    if isinstance(story.stage, MergeFailure) and story.stage.kind is FailureKind.CONFLICT_DETECTED:
        kind = RunKind.MERGEMASTER
    if kind is None:
        hint = f"'huskies explain {story.id}' says what moves it."
        fact = f"no agent works on a story in {story.stage.name.value}"
        raise HuskiesError(fact, hint=hint, code="wrong_stage", subject=str(story.id))
    if named is not None and named.stage.value != kind.value:
        fact = f"{named.name} is an agent of stage {named.stage.value}; story {story.id} needs a {kind.value}"
        raise HuskiesError(
            fact, hint="'huskies agent list' shows them.", code="wrong_stage", subject=named.name
        )
    return kind


def refuse_epic(story: Story) -> None:
    if story.draft.type is StoryType.EPIC:
        fact = f"story {story.id} is an epic: its members are worked on, not itself"
        raise HuskiesError(fact, hint="Start its members.", code="epic", subject=str(story.id))


def _refuse_held(snapshot: Snapshot, story: Story, kind: RunKind, named: Agent | None) -> None:
    """Raises for the first rule that binds a person, too: what is waited for, or held, a person may start."""
    held = next(_binding(snapshot, story, kind, named), None)
    if held is not None:
        hint = f"Try: {held.command}" if held.command else ""
        raise HuskiesError(
            f"story {story.id}: {held.detail}", hint=hint, code=held.rule, subject=str(story.id)
        )


def _binding(snapshot: Snapshot, story: Story, kind: RunKind, named: Agent | None) -> Iterator[Blocker]:
    rules = _OF_ANY_START if kind is RunKind.OTHER else _OF_STARTS
    if named is not None:
        rules -= {Rule.NO_AGENT, Rule.AGENTS_BUSY}
    asked = StartRun(RunKind.CODER if kind is RunKind.OTHER else kind)
    # As if it were in coding: where it stands was judged, what binds every start is asked here.
    holds = all_blockers(snapshot, replace(story, stage=Coding()), asked)
    return (held for held in holds if held.rule in rules)
