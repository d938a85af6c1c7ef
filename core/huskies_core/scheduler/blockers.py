"""Who works on what: the order of stories, the agent that takes one, and the first thing that holds one back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from huskies_core.clock import next_midnight, to_local
from huskies_core.config.records import Agent, AgentStage, Config
from huskies_core.pipeline.stages import StageName
from huskies_core.sanitize import one_line
from huskies_core.scheduler.decisions import Begin, Decision, Fire
from huskies_core.scheduler.snapshot import MOVING, World
from huskies_core.store import runs, stories
from huskies_core.store.pauses import Pause
from huskies_core.store.queue_holds import QUEUE, Hold, HoldKind
from huskies_core.store.rate_limits import Limit
from huskies_core.store.runs import RunKind
from huskies_core.store.stories import Story, StoryType

AGENT_STAGES = {
    RunKind.CODER: AgentStage.CODER,
    RunKind.QA: AgentStage.QA,
    RunKind.MERGEMASTER: AgentStage.MERGEMASTER,
}
UNATTENDED = (RunKind.GATES, RunKind.MERGE)
"""The kinds of runs that no agent does."""


@dataclass(frozen=True)
class Held:
    """Why nothing is started for a story: the rule that says so, and the command that would help."""

    rule: str
    detail: str
    command: str = ""
    until: datetime | None = None


def in_order(stories: Iterable[Story]) -> list[Story]:
    """Higher priority first; in the merge queue a resolved conflict next; then older first."""
    return sorted(
        stories, key=lambda story: (-story.draft.priority, not _is_resolved(story), _age_key(story))
    )


def may_be_promoted(story: Story, *, everything: bool) -> bool:
    """Whether a backlog story is one that goes on by itself once its dependencies are met."""
    if story.draft.type is StoryType.EPIC or story.returned_by is not None:
        return False
    return everything or bool(story.draft.depends_on)


def first_hold(world: World, story: Story, decision: Decision) -> Held | None:
    """What keeps the story from what was decided, the first that applies; None: it may go on now."""
    return next(iter(all_holds(world, story, decision)), None)


def all_holds(world: World, story: Story, decision: Decision) -> Iterable[Held]:
    """Every rule that holds the story back, in the order in which they are checked."""
    yield from _of_person(story)
    yield from _of_dependencies(world, story)
    yield from _of_live_run(world, story)
    if isinstance(decision, Fire) or story.stage.name not in MOVING:
        return
    if not isinstance(decision, Begin):
        yield Held(decision.rule, decision.detail, until=decision.until)
        return
    yield from _of_budget(world, story, decision.kind)
    if decision.kind in UNATTENDED:
        yield from _of_queue(world, story, decision.kind)
    else:
        yield from _of_agents(world, story, decision.kind)


def choose_agent(world: World, story: Story, kind: RunKind) -> Agent | None:
    """The agent that takes the story now, or None when the one that is waited for, or every one, is busy or at the
    limit of its account. Who had the story last, and may go on with the session, comes first."""
    busy = {run.agent for run in world.live}
    able = candidates(world, story, kind)
    free = [agent for agent in able if agent.name not in busy and world.limit_on(agent) is None]
    last = last_agent(world, story, kind) if len(free) > 1 else None
    return next((agent for agent in free if agent.name == last), free[0] if free else None)


def last_agent(world: World, story: Story, kind: RunKind) -> str | None:
    """Who did the last run of that kind for the story."""
    had = (run.agent for run in reversed(runs.of_story(world.db, story.id)) if run.kind is kind)
    return next(had, None)


def candidates(world: World, story: Story, kind: RunKind) -> Sequence[Agent]:
    """The agents that could take the story, were they free, in the order of the file.

    A named agent or model is waited for; only a name that does not exist for the stage falls back to all of it.
    """
    of_stage = [agent for agent in world.config.agents if agent.stage is AGENT_STAGES[kind]]
    named = [agent for agent in of_stage if _is_named(agent, story.draft.agent)]
    if named:
        return named
    default = world.config.project.default_coder_model
    if kind is RunKind.CODER and default:
        return [agent for agent in of_stage if _has_model(agent, default)]
    return of_stage


def is_known(config: Config, wanted: str) -> bool:
    """Whether any agent has that name, or that word in its model."""
    return any(_is_named(agent, wanted) for agent in config.agents)


def _of_person(story: Story) -> Iterable[Held]:
    number, reason = story.id, getattr(story.stage, "reason", "")
    match story.stage.name:
        case StageName.REVIEW_HOLD:
            yield Held("review_hold", reason, f"huskies approve {number}")
        case StageName.FROZEN:
            yield Held("frozen", "frozen by a person", f"huskies unfreeze {number}")
        case StageName.BLOCKED:
            yield Held("blocked", reason, f"huskies unblock {number}")
        case StageName.MERGE_FAILURE_FINAL:
            yield Held("merge_failure_final", reason, f"huskies retry {number}")
        case _:
            return


def _of_dependencies(world: World, story: Story) -> Iterable[Held]:
    if story.stage.name is not StageName.BACKLOG:
        return
    for number in world.unmet(story):
        yield _unmet(story, number, stories.heir_of(world.db, number))


def _unmet(story: Story, number: int, heir: Story) -> Held:
    name = f"story {number}" if heir.id == number else f"story {heir.id}, in place of {number},"
    if heir.stage.name is StageName.ABANDONED:
        return Held(
            "unmet_dependency", f"{name} is abandoned and never will be met", f"huskies edit {story.id}"
        )
    return Held("unmet_dependency", f"{name} is in {heir.stage.name.value}", f"huskies explain {heir.id}")


def _of_live_run(world: World, story: Story) -> Iterable[Held]:
    run = world.live_run(story.id)
    if run is not None:
        yield Held(
            "live_run", f"{run.kind.value} run {run.id} is {run.status.value}", f"huskies logs {story.id} -f"
        )


def _of_budget(world: World, story: Story, kind: RunKind) -> Iterable[Held]:
    budget = world.config.project.budget
    if kind in UNATTENDED:
        return
    if budget.per_story_usd is not None and (spent := world.spent_on(story.id)) >= budget.per_story_usd:
        detail = f"the story has used {spent:.2f} of its {budget.per_story_usd:g} USD"
        yield Held("budget_exhausted", detail, "huskies config set budget.per_story_usd USD")
    if budget.per_day_usd is not None and (today := world.spent_today()) >= budget.per_day_usd:
        until = next_midnight(world.now, world.config.project.timezone)
        detail = f"{today:.2f} of today's {budget.per_day_usd:g} USD are used, until {to_local(until)}"
        yield Held("budget_exhausted", detail, "huskies config set budget.per_day_usd USD", until)


def _of_queue(world: World, story: Story, kind: RunKind) -> Iterable[Held]:
    most = world.config.project.max_gates
    if kind is RunKind.MERGE:
        yield from (_as_held(hold, story) for hold in world.holds if hold.story in (QUEUE, story.id))
        merging = next((run for run in world.live if run.kind is RunKind.MERGE), None)
        if merging is not None:
            yield Held(
                "merge_queue", f"story {merging.story} is being merged", f"huskies explain {merging.story}"
            )
    if world.count_live(*UNATTENDED) >= most:
        yield Held("max_gates", f"{most} gate and merge runs are live", "huskies config set max_gates N")


def _as_held(hold: Hold, story: Story) -> Held:
    if hold.kind is HoldKind.BASE_BROKEN:
        told = f"the gates fail on the base branch itself ({str(hold.detail.get('tip', ''))[:12]}): mend it"
        return Held("base_broken", told, f"huskies retry {story.id}")
    paths = ", ".join(map(str, hold.detail.get("paths", ())))
    if not paths:
        return Held("base_dirty", str(hold.detail.get("reason", "")))
    return Held("base_dirty", f"uncommitted changes of yours are in the way: {paths}", "git stash")


def _of_agents(world: World, story: Story, kind: RunKind) -> Iterable[Held]:
    if world.pause is not None:
        yield _paused(world.pause)
    able = candidates(world, story, kind)
    if not able:
        yield _no_agent(world, story, kind)
        return
    most = world.config.project.max_coders
    if kind is RunKind.CODER and world.count_live(RunKind.CODER) >= most:
        yield Held("max_coders", f"{most} coders are at work", "huskies config set max_coders N")
    limits = [limit for limit in map(world.limit_on, able) if limit is not None]
    if len(limits) == len(able):
        yield _limited(min(limits, key=lambda limit: limit.until), story)
    elif choose_agent(world, story, kind) is None:
        names = ", ".join(agent.name for agent in able)
        yield Held("agents_busy", f"waits for {names}", "huskies run list --live")


def _paused(pause: Pause) -> Held:
    why = f": {one_line(pause.reason)}" if pause.reason else ""
    return Held(
        "paused", f"starting agents is paused since {pause.since} by {pause.by}{why}", "huskies resume"
    )


def _limited(limit: Limit, story: Story) -> Held:
    told = f"the account of {limit.account} is at its limit{f': {limit.detail}' if limit.detail else ''}"
    return Held("rate_limited", told, f"huskies agent start {story.id}", limit.until)


def _no_agent(world: World, story: Story, kind: RunKind) -> Held:
    fact = f"agents.toml has no agent of stage {AGENT_STAGES[kind].value} for it"
    if kind is not RunKind.MERGEMASTER:
        return Held("no_agent", fact, "edit .huskies/agents.toml")
    place = f'"$(huskies worktree path {story.id})"'
    by_hand = f"by hand: cd {place} && git merge {world.context.base_branch}, mend and commit it, then"
    return Held("no_agent", f"{fact}; {by_hand}", f"huskies resolve {story.id}")


def _is_named(agent: Agent, wanted: str | None) -> bool:
    return wanted is not None and (agent.name == wanted or _has_model(agent, wanted))


def _has_model(agent: Agent, word: str) -> bool:
    return agent.model is not None and word.lower() in agent.model.lower()


def _is_resolved(story: Story) -> bool:
    return story.entered_by == "conflict_resolved"


def _age_key(story: Story) -> tuple[str, int]:
    return (story.coding_at or story.created_at, story.id)
