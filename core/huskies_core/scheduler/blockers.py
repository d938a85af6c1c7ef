"""The blockers of a story, its unmet dependencies, the order in which stories start, and the choice of an agent."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from huskies_core.clock import next_midnight, to_local
from huskies_core.config.records import Agent, AutoPromote, Config
from huskies_core.pipeline.stages import StageName
from huskies_core.runs.rules import UNATTENDED, Rule, reached_limit
from huskies_core.sanitize import one_line
from huskies_core.scheduler.decisions import ApplyEvent, Decision, StartRun
from huskies_core.scheduler.snapshot import MOVING, Snapshot
from huskies_core.store import runs, stories
from huskies_core.store.queue_holds import QueueHold, QueueHoldKind
from huskies_core.store.runs import RunKind
from huskies_core.store.stories import Story, StoryType

PERSON_COMMANDS = {
    StageName.REVIEW_HOLD: "approve",
    StageName.FROZEN: "unfreeze",
    StageName.BLOCKED: "unblock",
    StageName.MERGE_FAILURE_FINAL: "retry",
}
"""The command with which a person lets a story in that stage continue."""


class Blocker(Struct, frozen=True):
    """A reason why no run starts for a story: the rule, the facts, the command that helps, and the time of its end."""

    rule: Rule
    detail: str
    command: str = ""
    until: datetime | None = None


def sort_by_priority(unsorted: Iterable[Story]) -> list[Story]:
    """Sort by priority, highest first; then resolved conflicts before others; then by age, oldest first."""

    def key(story: Story) -> tuple[int, bool, str, int]:
        is_resolved = story.entered_by == "conflict_resolved"
        return (-story.draft.priority, not is_resolved, story.coding_at or story.created_at, story.id)

    return sorted(unsorted, key=key)


def may_be_promoted(snapshot: Snapshot, story: Story) -> bool:
    """Return whether auto-assign starts a backlog story once its dependencies are met."""
    if story.draft.type is StoryType.EPIC or story.returned_by is not None:
        return False
    return bool(story.draft.depends_on) or snapshot.config.project.auto_promote is AutoPromote.ALL


def first_blocker(snapshot: Snapshot, story: Story, decision: Decision) -> Blocker | None:
    """Return the first rule that blocks the decision; None if the story can continue now."""
    return next(iter(all_blockers(snapshot, story, decision)), None)


def all_blockers(snapshot: Snapshot, story: Story, decision: Decision | None) -> Iterable[Blocker]:
    """Yield every rule that blocks the story, in the order in which the rules are checked."""
    yield from _person_blocker(story)
    if story.stage.name is StageName.BACKLOG:
        yield from _dependency_blockers(snapshot, story)
    run = snapshot.live_run(story.id)
    if run is not None:
        detail = f"{run.kind.value} run {run.id} is {run.status.value}"
        yield Blocker(Rule.LIVE_RUN, detail, f"huskies logs {story.id} -f")
    if decision is None or isinstance(decision, ApplyEvent) or story.stage.name not in MOVING:
        return
    if not isinstance(decision, StartRun):
        yield Blocker(decision.rule, decision.detail, until=decision.until)
    elif decision.kind in UNATTENDED:
        yield from _queue_blockers(snapshot, story, decision.kind)
    else:
        yield from _budget_blockers(snapshot, story)
        yield from _agent_blockers(snapshot, story, decision.kind)


def choose_agent(snapshot: Snapshot, story: Story, kind: RunKind) -> Agent | None:
    """Return the agent that takes the story now; None if all candidates are busy or at their account's limit.

    Prefer the agent of the story's last run of this kind, because it can resume its session.
    """
    busy = {run.agent for run in snapshot.starts}
    free = [
        agent
        for agent in candidates(snapshot, story, kind)
        if agent.name not in busy and snapshot.limit_on(agent) is None
    ]
    if len(free) < 2:
        return free[0] if free else None
    last = next((run for run in reversed(runs.of_story(snapshot.db, story.id)) if run.kind is kind), None)
    return next((agent for agent in free if last is not None and agent.name == last.agent), free[0])


def candidates(snapshot: Snapshot, story: Story, kind: RunKind) -> Sequence[Agent]:
    """Return the agents that may take the story, busy or not, in the order of agents.toml.

    If the story names an agent or a model, return only matching agents, unless the stage has none.
    """
    of_stage = [agent for agent in snapshot.config.agents if agent.stage.value == kind.value]
    named = [agent for agent in of_stage if story.draft.agent and _matches(agent, story.draft.agent)]
    if named:
        return named
    default = snapshot.config.project.default_coder_model
    if kind is RunKind.CODER and default:
        return [agent for agent in of_stage if _has_model(agent, default)]
    return of_stage


def matches_any_agent(config: Config, name: str) -> bool:
    """Return whether an agent has that name, or a model that contains that word."""
    return any(_matches(agent, name) for agent in config.agents)


def _person_blocker(story: Story) -> Iterable[Blocker]:
    stage = story.stage
    if stage.name in PERSON_COMMANDS:
        reason = getattr(stage, "reason", "a person froze the story")
        yield Blocker(Rule[stage.name.name], reason, f"huskies {PERSON_COMMANDS[stage.name]} {story.id}")


def _dependency_blockers(snapshot: Snapshot, story: Story) -> Iterator[Blocker]:
    for unmet in stories.unmet_dependencies(snapshot.db, story):
        heir = unmet.heir
        name = f"story {heir.id}" + ("" if heir.id == unmet.story else f", which supersedes {unmet.story},")
        if unmet.is_hopeless:
            yield Blocker(Rule.UNMET_DEPENDENCY, f"{name} is abandoned", f"huskies edit {story.id}")
        else:
            detail = f"{name} is in {heir.stage.name.value}"
            yield Blocker(Rule.UNMET_DEPENDENCY, detail, f"huskies explain {heir.id}")


def _budget_blockers(snapshot: Snapshot, story: Story) -> Iterable[Blocker]:
    budget = snapshot.config.project.budget
    if budget.per_story_usd is not None and (spent := snapshot.spent_on(story.id)) >= budget.per_story_usd:
        detail = f"the story has spent {spent:.2f} of {budget.per_story_usd:g} USD"
        yield Blocker(Rule.BUDGET_EXHAUSTED, detail, "huskies config set budget.per_story_usd USD")
    if budget.per_day_usd is not None and (today := snapshot.spent_today()) >= budget.per_day_usd:
        until = next_midnight(snapshot.now, snapshot.config.project.timezone)
        detail = f"today's runs have spent {today:.2f} of {budget.per_day_usd:g} USD, until {to_local(until)}"
        yield Blocker(Rule.BUDGET_EXHAUSTED, detail, "huskies config set budget.per_day_usd USD", until)


def _queue_blockers(snapshot: Snapshot, story: Story, kind: RunKind) -> Iterable[Blocker]:
    if kind is RunKind.MERGE:
        yield from (_hold_blocker(hold, story) for hold in snapshot.queue_holds_on(story))
        merging = next((run for run in snapshot.starts if run.kind is RunKind.MERGE), None)
        if merging is not None:
            detail = f"the merge of story {merging.story} is live"
            yield Blocker(Rule.MERGE_QUEUE, detail, f"huskies explain {merging.story}")
    yield from _limit_blocker(snapshot, kind)


def _hold_blocker(hold: QueueHold, story: Story) -> Blocker:
    if hold.kind is QueueHoldKind.BASE_BROKEN:
        tip = str(hold.detail.get("tip", ""))[:12]
        detail = f"the gates fail on the base branch itself ({tip}): fix it"
        return Blocker(Rule.BASE_BROKEN, detail, f"huskies retry {story.id}")
    paths = ", ".join(map(str, hold.detail.get("paths", ())))
    if not paths:
        return Blocker(Rule.BASE_DIRTY, str(hold.detail.get("reason", "")))
    return Blocker(
        Rule.BASE_DIRTY, f"the merge would overwrite your uncommitted changes: {paths}", "git stash"
    )


def _limit_blocker(snapshot: Snapshot, kind: RunKind) -> Iterable[Blocker]:
    limit = reached_limit(snapshot.config.project, kind, snapshot.starts)
    if limit is not None:
        rule, detail = limit
        yield Blocker(rule, detail, f"huskies config set {rule} N")


def _agent_blockers(snapshot: Snapshot, story: Story, kind: RunKind) -> Iterable[Blocker]:
    pause = snapshot.pause
    if pause is not None:
        why = f": {one_line(pause.reason)}" if pause.reason else ""
        detail = f"{pause.by} paused the start of agents at {pause.since}{why}"
        yield Blocker(Rule.PAUSED, detail, "huskies resume")
    agents = candidates(snapshot, story, kind)
    if not agents:
        yield _no_agent_blocker(snapshot, story, kind)
        return
    yield from _limit_blocker(snapshot, kind)
    limits = [limit for limit in map(snapshot.limit_on, agents) if limit is not None]
    if len(limits) == len(agents):
        limit = min(limits, key=lambda limit: limit.until)
        detail = (
            f"the account of {limit.account} is at its limit{f': {limit.detail}' if limit.detail else ''}"
        )
        yield Blocker(Rule.RATE_LIMITED, detail, f"huskies agent start {story.id}", limit.until)
    elif choose_agent(snapshot, story, kind) is None:
        names = ", ".join(agent.name for agent in agents)
        yield Blocker(Rule.AGENTS_BUSY, f"waits for {names}", "huskies run list --live")


def _no_agent_blocker(snapshot: Snapshot, story: Story, kind: RunKind) -> Blocker:
    detail = f"agents.toml has no {kind.value} agent for it"
    if kind is not RunKind.MERGEMASTER:
        return Blocker(Rule.NO_AGENT, detail, "edit .huskies/agents.toml")
    merge = f'cd "$(huskies worktree path {story.id})" && git merge {snapshot.context.base_branch}'
    by_hand = f"to resolve the conflict yourself: {merge}, edit and commit the files, then"
    return Blocker(Rule.NO_AGENT, f"{detail}; {by_hand}", f"huskies resolve {story.id}")


def _matches(agent: Agent, name: str) -> bool:
    return agent.name == name or _has_model(agent, name)


def _has_model(agent: Agent, word: str) -> bool:
    return agent.model is not None and word.lower() in agent.model.lower()
