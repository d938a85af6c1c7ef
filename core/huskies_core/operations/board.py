"""The board: every open story with what it waits for, the live runs, what needs a person, and limits reached."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.operations.explain import next_starts
from huskies_core.operations.limits import Limits, limits_of
from huskies_core.operations.runs import RunNow, as_now
from huskies_core.pipeline.stages import NEEDS_PERSON, StageName, reason_of
from huskies_core.runs.request import RunRequest
from huskies_core.runs.rules import Rule
from huskies_core.scheduler.blockers import Blocker, sort_by_priority
from huskies_core.scheduler.dependencies import unmet_dependencies
from huskies_core.scheduler.explanation import decision_of, find_blockers
from huskies_core.scheduler.snapshot import Snapshot, take_snapshot
from huskies_core.store import overview, runs, stories, timers, triggers
from huskies_core.store.connection import Connection
from huskies_core.store.stories import Story
from huskies_core.store.timers import Timer
from huskies_core.store.triggers import Trigger


class State(StrEnum):
    """What a story on the board is about."""

    IDLE = "idle"
    RUNNING = "running"
    THROTTLED = "throttled"
    BLOCKED = "blocked"


@dataclass(frozen=True)
class Card:
    """A story on the board; `why` it is where it is, in words."""

    story: Story
    state: State
    why: str


@dataclass(frozen=True)
class Need:
    """What only a person can move, and the command for it; `cause` is the command that shows what its last run did."""

    story: Story
    rule: str
    reason: str
    command: str
    cause: str = ""


@dataclass(frozen=True)
class FiringTrouble:
    """A timer or a trigger whose last firing needs a person's look; `command` lets it be."""

    source: str
    state: str
    why: str
    command: str


@dataclass(frozen=True)
class Board:
    """`stages` has the open stories, `counts` all. While the config does not load, `limits` is None and `trouble` is
    the error."""

    stages: Mapping[StageName, Sequence[Card]]
    counts: Mapping[StageName, int]
    runs: Sequence[RunNow]
    needs: Sequence[Need]
    limits: Limits | None
    trouble: HuskiesError | None = None
    firings: Sequence[FiringTrouble] = ()


def read_board(context: Context) -> Board:
    """What is known now. A config that does not load takes the limits away, not the board."""
    with context.store.reading() as db:
        try:
            snapshot = take_snapshot(context, db)
        except HuskiesError as trouble:
            if trouble.code != "config_error":
                raise
            return _without_config(context, db, trouble)
        return _with_config(context, db, snapshot)


def _with_config(context: Context, db: Connection, snapshot: Snapshot) -> Board:
    starts = next_starts(snapshot)
    held = {story: _held(snapshot, story, starts) for story in sort_by_priority(stories.open_stories(db))}
    now_live = [as_now(context.project, run) for run in snapshot.live]
    slowed = {now.run.story: now.throttled for now in now_live if now.throttled}
    cards = [_card(story, holds, slowed.get(story.id, "")) for story, holds in held.items()]
    needs = list(_needs(snapshot, held))
    limits = limits_of(snapshot, {story: holds[0] for story, holds in held.items() if holds})
    firings = _firing_troubles(db)
    return Board(_by_stage(cards), overview.count_stories(db), now_live, needs, limits, firings=firings)


def _without_config(context: Context, db: Connection, trouble: HuskiesError) -> Board:
    live = runs.live(db)
    working = {run.story for run in live}
    found = sort_by_priority(stories.open_stories(db))
    cards = [Card(one, _plain_state(one, running=one.id in working), reason_of(one.stage)) for one in found]
    needs = [_of_stage(db, story) for story in found if story.stage.name in NEEDS_PERSON]
    now_live = [as_now(context.project, run) for run in live]
    counts, firings = overview.count_stories(db), _firing_troubles(db)
    return Board(_by_stage(cards), counts, now_live, needs, None, trouble, firings)


def _firing_troubles(db: Connection) -> list[FiringTrouble]:
    found: list[Timer | Trigger] = [*timers.in_trouble(db), *triggers.in_trouble(db)]
    return [_firing_trouble(one) for one in found]


def _firing_trouble(one: Timer | Trigger) -> FiringTrouble:
    kind, _, number = one.source.partition(":")
    return FiringTrouble(one.source, one.state.value, one.trouble, f"huskies {kind} cancel {number}")


def _held(snapshot: Snapshot, story: Story, starts: Sequence[RunRequest]) -> tuple[Blocker, ...]:
    return tuple(find_blockers(snapshot, story, decision_of(snapshot, story), starts))


def _card(story: Story, holds: Sequence[Blocker], slowed: str) -> Card:
    """`slowed` is the limit that the account of its live run is at."""
    if not holds:
        return Card(story, State.IDLE, "goes on next")
    first = holds[0]
    match first.rule:
        case Rule.LIVE_RUN if slowed:
            return Card(story, State.THROTTLED, f"{first.detail}; {slowed}")
        case Rule.LIVE_RUN:
            return Card(story, State.RUNNING, first.detail)
        case Rule.WAIT | Rule.CRASH_WAIT | Rule.RATE_LIMITED | Rule.MERGE_RETRY:
            return Card(story, State.THROTTLED, first.detail)
        case Rule.BUDGET_EXHAUSTED | Rule.BASE_BROKEN | Rule.BASE_DIRTY | Rule.PAUSED:
            return Card(story, State.THROTTLED, first.detail)
        case (
            Rule.FINISHED
            | Rule.PERSON
            | Rule.REVIEW_HOLD
            | Rule.FROZEN
            | Rule.BLOCKED
            | Rule.MERGE_FAILURE_FINAL
            | Rule.EPIC
            | Rule.UNMET_DEPENDENCY
            | Rule.NOT_STARTED
            | Rule.NO_AGENT
            | Rule.MAX_CODERS
            | Rule.AGENTS_BUSY
            | Rule.MERGE_QUEUE
            | Rule.MAX_GATES
        ):
            return Card(story, _plain_state(story, running=False), reason_of(story.stage) or first.detail)


def _plain_state(story: Story, *, running: bool) -> State:
    if running:
        return State.RUNNING
    return State.BLOCKED if story.stage.name in NEEDS_PERSON else State.IDLE


def _needs(snapshot: Snapshot, held: Mapping[Story, Sequence[Blocker]]) -> Iterable[Need]:
    """At most one a story: its stage, or the hold that no pass will ever end. A broken base is told of once."""
    is_told = False
    for story, holds in held.items():
        if story.stage.name in NEEDS_PERSON:
            yield _of_stage(snapshot.db, story)
        elif (
            holds
            and _is_for_a_person(snapshot, story, holds[0])
            and not (is_told and holds[0].rule is Rule.BASE_BROKEN)
        ):
            is_told |= holds[0].rule is Rule.BASE_BROKEN
            yield Need(story, holds[0].rule, holds[0].detail, holds[0].command)


def _is_for_a_person(snapshot: Snapshot, story: Story, held: Blocker) -> bool:
    if held.rule is Rule.UNMET_DEPENDENCY:
        return any(dependency.is_hopeless for dependency in unmet_dependencies(snapshot.db, story))
    if held.rule is Rule.BUDGET_EXHAUSTED:
        return held.until is None
    return held.rule in (Rule.NO_AGENT, Rule.BASE_BROKEN, Rule.BASE_DIRTY)


def _of_stage(db: Connection, story: Story) -> Need:
    stage = story.stage.name
    verb = {StageName.REVIEW_HOLD: "approve", StageName.BLOCKED: "unblock"}.get(stage, "retry")
    cause = f"huskies logs {story.id}" if runs.of_story(db, story.id) else ""
    return Need(story, stage.value, reason_of(story.stage), f"huskies {verb} {story.id}", cause)


def _by_stage(cards: Iterable[Card]) -> dict[StageName, list[Card]]:
    stages: dict[StageName, list[Card]] = {}
    for card in cards:
        stages.setdefault(card.story.stage.name, []).append(card)
    return {name: stages[name] for name in StageName if name in stages}
