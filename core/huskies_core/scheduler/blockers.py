"""Who works on what: the order of stories, the agent that takes one, and the first thing that holds one back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from huskies_core.clock import next_midnight, to_local
from huskies_core.config.records import Agent, AgentStage, Config
from huskies_core.pipeline.stages import StageName
from huskies_core.sanitize import one_line
from huskies_core.scheduler.decisions import ApplyEvent, Decision, StartRun
from huskies_core.scheduler.snapshot import MOVING, Snapshot
from huskies_core.store import runs, stories
from huskies_core.store.pauses import Pause
from huskies_core.store.queue_holds import QUEUE, QueueHold, QueueHoldKind
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
class Blocker:
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


def first_blocker(snapshot: Snapshot, story: Story, decision: Decision) -> Blocker | None:
    """What keeps the story from what was decided, the first that applies; None: it may go on now."""
    return next(iter(all_blockers(snapshot, story, decision)), None)


def all_blockers(snapshot: Snapshot, story: Story, decision: Decision) -> Iterable[Blocker]:
    """Every rule that holds the story back, in the order in which they are checked."""
    yield from _of_person(story)
    yield from _of_dependencies(snapshot, story)
    yield from _of_live_run(snapshot, story)
    if isinstance(decision, ApplyEvent) or story.stage.name not in MOVING:
        return
    if not isinstance(decision, StartRun):
        yield Blocker(decision.rule, decision.detail, until=decision.until)
        return
    yield from _of_budget(snapshot, story, decision.kind)
    if decision.kind in UNATTENDED:
        yield from _of_queue(snapshot, story, decision.kind)
    else:
        yield from _of_agents(snapshot, story, decision.kind)


def choose_agent(snapshot: Snapshot, story: Story, kind: RunKind) -> Agent | None:
    """The agent that takes the story now, or None when the one that is waited for, or every one, is busy or at the
    limit of its account. Who had the story last, and may go on with the session, comes first."""
    busy = {run.agent for run in snapshot.live}
    able = candidates(snapshot, story, kind)
    free = [agent for agent in able if agent.name not in busy and snapshot.limit_on(agent) is None]
    last = last_agent(snapshot, story, kind) if len(free) > 1 else None
    return next((agent for agent in free if agent.name == last), free[0] if free else None)


def last_agent(snapshot: Snapshot, story: Story, kind: RunKind) -> str | None:
    """Who did the last run of that kind for the story."""
    had = (run.agent for run in reversed(runs.of_story(snapshot.db, story.id)) if run.kind is kind)
    return next(had, None)


def candidates(snapshot: Snapshot, story: Story, kind: RunKind) -> Sequence[Agent]:
    """The agents that could take the story, were they free, in the order of the file.

    A named agent or model is waited for; only a name that does not exist for the stage falls back to all of it.
    """
    of_stage = [agent for agent in snapshot.config.agents if agent.stage is AGENT_STAGES[kind]]
    named = [agent for agent in of_stage if _is_named(agent, story.draft.agent)]
    if named:
        return named
    default = snapshot.config.project.default_coder_model
    if kind is RunKind.CODER and default:
        return [agent for agent in of_stage if _has_model(agent, default)]
    return of_stage


def is_known(config: Config, wanted: str) -> bool:
    """Whether any agent has that name, or that word in its model."""
    return any(_is_named(agent, wanted) for agent in config.agents)


def _of_person(story: Story) -> Iterable[Blocker]:
    number, reason = story.id, getattr(story.stage, "reason", "")
    match story.stage.name:
        case StageName.REVIEW_HOLD:
            yield Blocker("review_hold", reason, f"huskies approve {number}")
        case StageName.FROZEN:
            yield Blocker("frozen", "frozen by a person", f"huskies unfreeze {number}")
        case StageName.BLOCKED:
            yield Blocker("blocked", reason, f"huskies unblock {number}")
        case StageName.MERGE_FAILURE_FINAL:
            yield Blocker("merge_failure_final", reason, f"huskies retry {number}")
        case _:
            return


def _of_dependencies(snapshot: Snapshot, story: Story) -> Iterable[Blocker]:
    if story.stage.name is not StageName.BACKLOG:
        return
    for number in snapshot.unmet(story):
        yield _unmet(story, number, stories.heir_of(snapshot.db, number))


def _unmet(story: Story, number: int, heir: Story) -> Blocker:
    name = f"story {number}" if heir.id == number else f"story {heir.id}, in place of {number},"
    if heir.stage.name is StageName.ABANDONED:
        return Blocker(
            "unmet_dependency", f"{name} is abandoned and never will be met", f"huskies edit {story.id}"
        )
    return Blocker("unmet_dependency", f"{name} is in {heir.stage.name.value}", f"huskies explain {heir.id}")


def _of_live_run(snapshot: Snapshot, story: Story) -> Iterable[Blocker]:
    run = snapshot.live_run(story.id)
    if run is not None:
        yield Blocker(
            "live_run", f"{run.kind.value} run {run.id} is {run.status.value}", f"huskies logs {story.id} -f"
        )


def _of_budget(snapshot: Snapshot, story: Story, kind: RunKind) -> Iterable[Blocker]:
    budget = snapshot.config.project.budget
    if kind in UNATTENDED:
        return
    if budget.per_story_usd is not None and (spent := snapshot.spent_on(story.id)) >= budget.per_story_usd:
        detail = f"the story has used {spent:.2f} of its {budget.per_story_usd:g} USD"
        yield Blocker("budget_exhausted", detail, "huskies config set budget.per_story_usd USD")
    if budget.per_day_usd is not None and (today := snapshot.spent_today()) >= budget.per_day_usd:
        until = next_midnight(snapshot.now, snapshot.config.project.timezone)
        detail = f"{today:.2f} of today's {budget.per_day_usd:g} USD are used, until {to_local(until)}"
        yield Blocker("budget_exhausted", detail, "huskies config set budget.per_day_usd USD", until)


def _of_queue(snapshot: Snapshot, story: Story, kind: RunKind) -> Iterable[Blocker]:
    most = snapshot.config.project.max_gates
    if kind is RunKind.MERGE:
        yield from (_as_held(hold, story) for hold in snapshot.holds if hold.story in (QUEUE, story.id))
        merging = next((run for run in snapshot.live if run.kind is RunKind.MERGE), None)
        if merging is not None:
            yield Blocker(
                "merge_queue", f"story {merging.story} is being merged", f"huskies explain {merging.story}"
            )
    if snapshot.count_live(*UNATTENDED) >= most:
        yield Blocker("max_gates", f"{most} gate and merge runs are live", "huskies config set max_gates N")


def _as_held(hold: QueueHold, story: Story) -> Blocker:
    if hold.kind is QueueHoldKind.BASE_BROKEN:
        told = f"the gates fail on the base branch itself ({str(hold.detail.get('tip', ''))[:12]}): mend it"
        return Blocker("base_broken", told, f"huskies retry {story.id}")
    paths = ", ".join(map(str, hold.detail.get("paths", ())))
    if not paths:
        return Blocker("base_dirty", str(hold.detail.get("reason", "")))
    return Blocker("base_dirty", f"uncommitted changes of yours are in the way: {paths}", "git stash")


def _of_agents(snapshot: Snapshot, story: Story, kind: RunKind) -> Iterable[Blocker]:
    if snapshot.pause is not None:
        yield _paused(snapshot.pause)
    able = candidates(snapshot, story, kind)
    if not able:
        yield _no_agent(snapshot, story, kind)
        return
    most = snapshot.config.project.max_coders
    if kind is RunKind.CODER and snapshot.count_live(RunKind.CODER) >= most:
        yield Blocker("max_coders", f"{most} coders are at work", "huskies config set max_coders N")
    limits = [limit for limit in map(snapshot.limit_on, able) if limit is not None]
    if len(limits) == len(able):
        yield _limited(min(limits, key=lambda limit: limit.until), story)
    elif choose_agent(snapshot, story, kind) is None:
        names = ", ".join(agent.name for agent in able)
        yield Blocker("agents_busy", f"waits for {names}", "huskies run list --live")


def _paused(pause: Pause) -> Blocker:
    why = f": {one_line(pause.reason)}" if pause.reason else ""
    return Blocker(
        "paused", f"starting agents is paused since {pause.since} by {pause.by}{why}", "huskies resume"
    )


def _limited(limit: Limit, story: Story) -> Blocker:
    told = f"the account of {limit.account} is at its limit{f': {limit.detail}' if limit.detail else ''}"
    return Blocker("rate_limited", told, f"huskies agent start {story.id}", limit.until)


def _no_agent(snapshot: Snapshot, story: Story, kind: RunKind) -> Blocker:
    fact = f"agents.toml has no agent of stage {AGENT_STAGES[kind].value} for it"
    if kind is not RunKind.MERGEMASTER:
        return Blocker("no_agent", fact, "edit .huskies/agents.toml")
    place = f'"$(huskies worktree path {story.id})"'
    by_hand = f"by hand: cd {place} && git merge {snapshot.context.base_branch}, mend and commit it, then"
    return Blocker("no_agent", f"{fact}; {by_hand}", f"huskies resolve {story.id}")


def _is_named(agent: Agent, wanted: str | None) -> bool:
    return wanted is not None and (agent.name == wanted or _has_model(agent, wanted))


def _has_model(agent: Agent, word: str) -> bool:
    return agent.model is not None and word.lower() in agent.model.lower()


def _is_resolved(story: Story) -> bool:
    return story.entered_by == "conflict_resolved"


def _age_key(story: Story) -> tuple[str, int]:
    return (story.coding_at or story.created_at, story.id)
