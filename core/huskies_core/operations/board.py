"""The board: open stories with their blockers, live runs, stories that need a person, limits, and the merge queue."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import asdict

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.operations.common_arguments import OptionalStoryArgument
from huskies_core.operations.explain import explanation_json, next_starts
from huskies_core.operations.limits import LimitsReport, limits_json, limits_of
from huskies_core.operations.operation import operation
from huskies_core.operations.record_json import run_json, story_json
from huskies_core.operations.runs import RunNow, as_now, run_errors, run_now_json
from huskies_core.pipeline.stages import NEEDS_PERSON, StageName, reason_of
from huskies_core.runs.rules import Rule
from huskies_core.scheduler.blockers import PERSON_COMMANDS, Blocker, sort_by_priority
from huskies_core.scheduler.explanation import (
    Explanation,
    decision_of,
    explain,
    find_blockers,
    is_starving,
    merge_queue,
)
from huskies_core.scheduler.snapshot import Snapshot, take_snapshot
from huskies_core.store import runs, stories, timers, triggers
from huskies_core.store.connection import Connection
from huskies_core.store.runs import Run
from huskies_core.store.stories import Story
from huskies_core.store.timers import Timer
from huskies_core.store.triggers import Trigger

_MERGING = (StageName.MERGE, StageName.MERGE_FAILURE, StageName.MERGE_FAILURE_FINAL)


class State(StrEnum):
    """The state of a story on the board."""

    IDLE = "idle"
    RUNNING = "running"
    THROTTLED = "throttled"
    BLOCKED = "blocked"


class Card(Struct, frozen=True):
    """A story on the board; `why` explains its state."""

    story: Story
    state: State
    why: str


class Need(Struct, frozen=True):
    """A story that needs a person. `command` moves it on; the command `cause` prints the output of its last run."""

    story: Story
    rule: str
    reason: str
    command: str
    cause: str = ""


class FailedExecution(Struct, frozen=True):
    """A timer or a trigger with an execution that needs a person; `command` dismisses it."""

    source: str
    state: str
    why: str
    command: str


class Board(Struct, frozen=True):
    """The board. `stages` contains the open stories, `counts` the number of all stories by stage.

    If the config does not load, `limits` is None and `config_error` is the error.
    """

    stages: Mapping[StageName, Sequence[Card]]
    counts: Mapping[StageName, int]
    runs: Sequence[RunNow]
    needs: Sequence[Need]
    limits: LimitsReport | None
    config_error: HuskiesError | None = None
    executions: Sequence[FailedExecution] = ()

    @property
    def errors(self) -> tuple[HuskiesError, ...]:
        """Return the errors of runs with unreadable files, and the error of the config."""
        return (*run_errors(self.runs), *([self.config_error] if self.config_error else []))


class Merging(Struct, frozen=True):
    """A story on its way into the base branch; `place` counts from 1 and is None outside the queue."""

    story: Story
    place: int | None
    is_starving: bool
    run: Run | None
    explanation: Explanation


def board_json(board: Board) -> dict[str, object]:
    return {
        "stages": {
            name.value: [{**story_json(card.story), "state": card.state, "why": card.why} for card in cards]
            for name, cards in board.stages.items()
        },
        "counts": {name.value: count for name, count in board.counts.items()},
        "runs": [run_now_json(run) for run in board.runs],
        "needs_person": [
            {**asdict(need), "story": need.story.id, "stage": need.story.stage.name} for need in board.needs
        ],
        "limits": {} if board.limits is None else limits_json(board.limits),
        "firings": [asdict(execution) for execution in board.executions],
    }


def _merging_json(merging: Merging) -> dict[str, object]:
    explanation = explanation_json(merging.explanation)
    return {
        **story_json(merging.story),
        "place": merging.place,
        "starving": merging.is_starving,
        "run": None if merging.run is None else run_json(merging.run),
        "holds": explanation["holds"],
        "next": explanation["next"],
    }


@operation(
    "pipeline_status",
    json=lambda board: {**board_json(board), "errors": [error.to_json() for error in board.errors]},
)
def read_board(context: Context) -> Board:
    """Show the board.

    The board contains the open stories by stage with their blockers, the live runs, the stories that need a person, and
    the limits in force.
    """
    with context.store.reading() as db:
        current = sort_by_priority(stories.open_stories(db))
        live = [as_now(context.project, run) for run in runs.live(db)]
        limits: LimitsReport | None = None
        config_error: HuskiesError | None = None
        try:
            snapshot = take_snapshot(context, db)
        except HuskiesError as error:
            if error.code != "config_error":
                raise
            config_error = error
            cards = _cards_without_config(current, live)
            needs = [_need_of_stage(db, story) for story in current if story.stage.name in NEEDS_PERSON]
        else:
            blockers = _first_blockers(snapshot, current)
            throttled = {now.run.story: now.throttled for now in live}
            cards = [_card(story, blockers.get(story), throttled.get(story.id, "")) for story in current]
            needs = list(_needs(snapshot, current, blockers))
            limits = limits_of(snapshot, blockers)
        counts, executions = stories.count_by_stage(db), _failed_executions(db)
        return Board(_by_stage(cards), counts, live, needs, limits, config_error, executions)


@operation("merge_status", json=lambda merges: {"stories": [_merging_json(merging) for merging in merges]})
def read_merges(context: Context, story: OptionalStoryArgument = None) -> tuple[Merging, ...]:
    """Show the merge queue in order, and the stories with failed merges, each with its blockers and its next step."""
    with context.store.reading() as db:
        if story is None:
            merging = sort_by_priority(stories.in_stages(db, _MERGING))
            chosen = sorted(merging, key=lambda item: _MERGING.index(item.stage.name))
        else:
            chosen = [stories.load(db, story)]
        snapshot = take_snapshot(context, db)
        starts, queue = next_starts(snapshot), merge_queue(snapshot)
        return tuple(
            Merging(
                story=item,
                place=queue.index(item.id) + 1 if item.id in queue else None,
                is_starving=is_starving(snapshot, item),
                run=snapshot.live_run(item.id),
                explanation=explain(snapshot, item, starts),
            )
            for item in chosen
        )


def _first_blockers(snapshot: Snapshot, current: Iterable[Story]) -> dict[Story, Blocker]:
    """Return the first blocker of each story that has one."""
    starts = next_starts(snapshot)
    blockers = {
        story: next(iter(find_blockers(snapshot, story, decision_of(snapshot, story), starts)), None)
        for story in current
    }
    return {story: blocker for story, blocker in blockers.items() if blocker is not None}


def _card(story: Story, blocker: Blocker | None, throttled: str) -> Card:
    """Return the card of a story; `throttled` is the limit that the account of its live run has reached."""
    if blocker is None:
        return Card(story, State.IDLE, "is next")
    match blocker.rule:
        case Rule.LIVE_RUN if throttled:
            return Card(story, State.THROTTLED, f"{blocker.detail}; {throttled}")
        case Rule.LIVE_RUN:
            return Card(story, State.RUNNING, blocker.detail)
        case Rule.WAIT | Rule.CRASH_WAIT | Rule.RATE_LIMITED | Rule.MERGE_RETRY:
            return Card(story, State.THROTTLED, blocker.detail)
        case Rule.BUDGET_EXHAUSTED | Rule.BASE_BROKEN | Rule.BASE_DIRTY | Rule.PAUSED:
            return Card(story, State.THROTTLED, blocker.detail)
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
            return Card(story, _state_of_stage(story), reason_of(story.stage) or blocker.detail)


def _cards_without_config(current: Iterable[Story], live: Iterable[RunNow]) -> list[Card]:
    working = {now.run.story for now in live}
    return [
        Card(story, State.RUNNING if story.id in working else _state_of_stage(story), reason_of(story.stage))
        for story in current
    ]


def _state_of_stage(story: Story) -> State:
    return State.BLOCKED if story.stage.name in NEEDS_PERSON else State.IDLE


def _failed_executions(db: Connection) -> list[FailedExecution]:
    items: list[Timer | Trigger] = [*timers.with_problem(db), *triggers.with_problem(db)]
    return [
        FailedExecution(
            item.source, item.state.value, item.problem, f"huskies {item.source.replace(':', ' cancel ')}"
        )
        for item in items
    ]


def _needs(snapshot: Snapshot, current: Iterable[Story], blockers: Mapping[Story, Blocker]) -> Iterable[Need]:
    """Yield at most one need a story: its stage, or a blocker that no pass ends. A broken base is one need in all."""
    has_broken_base = False
    for story in current:
        blocker = blockers.get(story)
        if story.stage.name in NEEDS_PERSON:
            yield _need_of_stage(snapshot.db, story)
        elif blocker is not None and _is_for_a_person(snapshot, story, blocker):
            if blocker.rule is not Rule.BASE_BROKEN or not has_broken_base:
                yield Need(story, blocker.rule, blocker.detail, blocker.command)
            has_broken_base |= blocker.rule is Rule.BASE_BROKEN


def _is_for_a_person(snapshot: Snapshot, story: Story, blocker: Blocker) -> bool:
    if blocker.rule is Rule.UNMET_DEPENDENCY:
        return any(dependency.is_hopeless for dependency in stories.unmet_dependencies(snapshot.db, story))
    if blocker.rule is Rule.BUDGET_EXHAUSTED:
        return blocker.until is None
    return blocker.rule in (Rule.NO_AGENT, Rule.BASE_BROKEN, Rule.BASE_DIRTY)


def _need_of_stage(db: Connection, story: Story) -> Need:
    stage = story.stage.name
    cause = f"huskies logs {story.id}" if runs.of_story(db, story.id) else ""
    command = f"huskies {PERSON_COMMANDS[stage]} {story.id}"
    return Need(story, stage.value, reason_of(story.stage), command, cause)


def _by_stage(cards: Iterable[Card]) -> dict[StageName, list[Card]]:
    stages: dict[StageName, list[Card]] = {}
    for card in cards:
        stages.setdefault(card.story.stage.name, []).append(card)
    return {name: stages[name] for name in StageName if name in stages}
