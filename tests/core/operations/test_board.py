from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from huskies_core.clock import to_iso
from huskies_core.context import Context
from huskies_core.ids import RunId, StoryId
from huskies_core.operations.board import Board, State, read_board
from huskies_core.operations.limits import LimitsReport, Places
from huskies_core.pipeline.events import Abandon, Block
from huskies_core.pipeline.stages import Backlog, Coding, Merge, StageName
from huskies_core.store import journal, queue_holds, usage
from huskies_core.store.runs import Outcome
from support.claims import claim_run, end_run
from support.contexts import Clock, agent_toml, configure, opened
from support.stage_examples import STAGES
from support.stories import DRAFT, NOW, add_story, apply_to_story, import_story


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def context(tmp_path: Path, clock: Clock) -> Iterator[Context]:
    with opened(tmp_path / "repo", clock, agents_toml=agent_toml()) as context:
        yield context


def crash(context: Context, story: int) -> None:
    end_run(context.store, claim_run(context.store, story), Outcome.CRASHED)


def cards(board: Board) -> list[tuple[str, int, str]]:
    return [(name, card.story.id, card.state) for name, row in board.stages.items() for card in row]


def needs(board: Board) -> list[tuple[int, str, str]]:
    return [(need.story.id, need.rule, need.command) for need in board.needs]


def limits(context: Context) -> LimitsReport:
    result = read_board(context).limits
    assert result is not None
    return result


@pytest.mark.parametrize("project_toml", ["# nothing set\n", "max_coder = 1\n"])
def test_a_need_names_the_command_that_prints_the_last_run(context: Context, project_toml: str) -> None:
    for _ in range(2):
        import_story(context.store, Coding())
    crash(context, 2)
    for number in (1, 2):
        apply_to_story(context.store, number, Block("stuck"))
    configure(context, project_toml)
    result = [(need.story.id, need.cause) for need in read_board(context).needs]
    assert result == [(1, ""), (2, "huskies logs 2")]


def test_open_stories_are_in_their_stages_and_others_are_counted(context: Context) -> None:
    for name in ("done", "coding", "abandoned", "backlog", "coding"):
        import_story(context.store, STAGES[name])
    board = read_board(context)
    assert cards(board) == [("backlog", 4, "idle"), ("coding", 2, "idle"), ("coding", 5, "idle")]
    assert board.counts == {
        StageName.BACKLOG: 1,
        StageName.CODING: 2,
        StageName.DONE: 1,
        StageName.ABANDONED: 1,
    }


def test_a_story_has_its_reason(context: Context) -> None:
    for stage in (Coding(), Coding(), Coding(), STAGES["blocked"], STAGES["frozen"]):
        import_story(context.store, stage)
    for _ in range(4):
        crash(context, 1)
    claim_run(context.store, 2)
    board = read_board(context)
    assert [(card.story.id, card.state, card.why) for row in board.stages.values() for card in row] == [
        (1, State.THROTTLED, "4 crashes in a row; the next attempt is at 2026-03-01T12:00:02.000Z"),
        (2, State.RUNNING, "coder run 5 is starting"),
        (3, State.IDLE, "waits for ann"),
        (4, State.BLOCKED, "branch exists"),
        (5, State.IDLE, "was in blocked"),
    ]


def test_each_need_of_a_person_has_its_command(context: Context) -> None:
    for name in ("blocked", "review_hold", "merge_failure_final", "merge_failure", "backlog"):
        import_story(context.store, STAGES[name])
    apply_to_story(context.store, 5, Abandon("no"))
    add_story(context.store, draft=replace(DRAFT, depends_on=(StoryId(5),)))
    assert needs(read_board(context)) == [
        (1, "blocked", "huskies unblock 1"),
        (2, "review_hold", "huskies approve 2"),
        (3, "merge_failure_final", "huskies retry 3"),
        (4, "no_agent", "huskies resolve 4"),
        (6, "unmet_dependency", "huskies edit 6"),
    ]


def test_a_broken_base_is_one_need_and_blocks_the_whole_queue(context: Context) -> None:
    for number in (1, 2):
        import_story(context.store, Merge("b", 1), number=StoryId(number))
    with context.store.exclusive() as db:
        queue_holds.put(
            db, queue_holds.QueueHoldKind.BASE_BROKEN, queue_holds.QUEUE, {"tip": "x"}, actor="test", now=NOW
        )
    board = read_board(context)
    assert [(number, rule) for number, rule, _ in needs(board)] == [(1, "base_broken")]
    assert cards(board) == [("merge", 1, "throttled"), ("merge", 2, "throttled")]
    assert [(hold.kind, hold.story) for hold in limits(context).holds] == [
        (queue_holds.QueueHoldKind.BASE_BROKEN, 0)
    ]


def test_a_merge_that_waits_too_long_is_starved(context: Context, clock: Clock) -> None:
    import_story(context.store, Merge("b", 1))
    before = limits(context).starving
    clock.pass_by(hours=2)
    assert (before, [story.id for story in limits(context).starving]) == ((), [1])


def test_places_and_money_are_counted(context: Context) -> None:
    configure(context, "max_coders = 1\n[budget]\nper_story_usd = 1.0\nper_day_usd = 5.0\n")
    for number in (1, 2):
        import_story(context.store, Coding(), number=StoryId(number))
    crash(context, 1)
    with context.store.exclusive() as db:
        usage.put(db, RunId(1), usage.ModelUsage("m", cost_usd=1.5), now=NOW)
    claim_run(context.store, 2)
    state = limits(context)
    assert (state.coders, state.gates, state.over_budget) == (Places(1, 1), Places(0, 2), (1,))
    assert (state.day.spent_usd, state.day.most_usd, state.day.reached) == (1.5, 5.0, False)


def test_agents_that_wait_after_a_crash_are_throttled(context: Context) -> None:
    import_story(context.store, Coding())
    for _ in range(4):
        crash(context, 1)
    (one,) = limits(context).throttled
    assert (one.agent, one.story, one.rule, to_iso(one.until)) == (
        "ann",
        1,
        "crash_wait",
        "2026-03-01T12:00:02.000Z",
    )


def test_changes_of_the_repository_are_shown_for_a_day(context: Context, clock: Clock) -> None:
    with context.store.exclusive() as db:
        detail = {"change": "the hooks path is now /tmp", "runs": [3]}
        journal.append(
            db, journal.JournalKind.GIT, "repository_changed", actor="run:3", now=clock.now, detail=detail
        )
    shown = [finding.change for finding in limits(context).findings]
    clock.pass_by(hours=25)
    assert (shown, limits(context).findings) == (["the hooks path is now /tmp"], ())


def test_the_board_is_shown_despite_an_invalid_config(context: Context) -> None:
    for stage in (Coding(), STAGES["blocked"], Backlog()):
        import_story(context.store, stage)
    claim_run(context.store, 1)
    configure(context, "max_coder = 1")
    board = read_board(context)
    assert board.config_error is not None
    assert (board.config_error.code, board.limits, len(board.runs)) == ("config_error", None, 1)
    assert cards(board) == [("backlog", 3, "idle"), ("coding", 1, "running"), ("blocked", 2, "blocked")]
    assert needs(board) == [(2, "blocked", "huskies unblock 2")]


def test_reading_the_board_changes_nothing(context: Context) -> None:
    import_story(context.store, Coding())
    with context.store.reading() as db:
        before = list(db.iterdump())
    read_board(context)
    with context.store.reading() as db:
        assert list(db.iterdump()) == before
