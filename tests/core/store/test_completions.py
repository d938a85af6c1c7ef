"""Completions of the shell: few, likely ones first, and none if the store cannot be read."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from huskies_core.ids import RunId, StoryId
from huskies_core.pipeline import stages
from huskies_core.pipeline.stages import Archived, ArchiveReason, Backlog, Blocked, Coding, StageName
from huskies_core.project import Project
from huskies_core.schedules import Once
from huskies_core.store import completions, runs, stories, timers, triggers
from huskies_core.store.actions import TaskPrompt
from huskies_core.store.connection import Store
from huskies_core.store.runs import Outcome, Report, RunClaim, RunKind
from huskies_core.store.stories import StoryType
from support.stories import DRAFT, NOW, add_story, import_story

Ask = Callable[..., list[completions.Completion]]
ARCHIVED = Archived("2026-03-01T12:00:00.000Z", ArchiveReason.COMPLETED)

ODD: dict[int, stages.Stage] = {3: Coding(), 5: Blocked("why", Coding())}


@pytest.fixture
def ask(project: Project, store: Store) -> Ask:
    """Return completions in a project with stories 1 to 12, the even ones archived, 3 in coding and 5 blocked."""
    for number in range(1, 13):
        import_story(store, ODD.get(number, Backlog()) if number % 2 else ARCHIVED, number=StoryId(number))
    return lambda kind, prefix="": completions.completions(str(project.database), kind, prefix)


def values(offered: list[completions.Completion]) -> list[str]:
    return [value for value, _ in offered]


def test_the_finished_stages_are_the_terminal_stages() -> None:
    assert {*completions.OPEN, *completions.FINISHED} == set(StageName)
    assert set(completions.FINISHED) == {name for name in StageName if name in stages.TERMINAL}


@pytest.mark.parametrize(
    ("kind", "prefix", "expected"),
    [
        ("stories", "", ["11", "9", "7", "5", "3", "1"]),
        ("stories", "1", ["1", "12", "11", "10"]),
        ("stories", "x", []),
        ("stories", "999999999999999999999", []),
        ("stories/backlog", "", ["11", "9", "7", "1"]),
        ("stories/backlog", "1", ["11", "1"]),
        ("stories/coding,blocked", "", ["5", "3"]),
        ("finished", "", ["12", "10", "8", "6", "4", "2"]),
        ("finished", "1", ["12", "10"]),
        ("nonsense", "", []),
        ("epics", "", []),
    ],
)
def test_open_stories_are_offered_and_after_a_digit_all_stories(
    ask: Ask, kind: str, prefix: str, expected: list[str]
) -> None:
    assert values(ask(kind, prefix)) == expected


def test_a_story_is_described_by_its_title_and_stage(ask: Ask, store: Store) -> None:
    add_story(store, "An epic", draft=replace(DRAFT, type=StoryType.EPIC, labels=("area:core", "b")))
    assert ask("stories", "3") == [("3", "A story (coding)")]
    assert ask("epics") == [("13", "An epic (backlog)")]
    assert ask("labels") == [("area:core", ""), ("b", "")]


def test_runs_are_described_by_kind_story_agent_and_outcome(ask: Ask, store: Store) -> None:
    with store.exclusive() as db:
        for story, agent in ((3, "ann"), (5, None)):
            visit = stories.load(db, StoryId(story)).visit
            kind = RunKind.CODER if agent else RunKind.GATES
            runs.claim(db, RunClaim(StoryId(story), kind, visit, agent), actor="user:test", now=NOW)
        runs.end(db, RunId(2), Report(Outcome.FAILED, "exit 1"), actor="run:2", now=NOW)
    assert ask("runs") == [("2", "gates of 5, failed"), ("1", "coder of 3 by ann, starting")]
    assert (values(ask("live-runs")), values(ask("runs", "2"))) == (["1"], ["2"])
    of_one = [values(ask(kind)) for kind in ("runs-of/3", "runs-of/7", "runs-of/", "running")]
    assert of_one == [["1"], [], ["2", "1"], ["3"]]


def test_timers_and_triggers_that_can_be_cancelled_are_offered(ask: Ask, store: Store) -> None:
    with store.exclusive() as db:
        for label, days in (("nightly", 2), ("", 1), ("7", 3)):
            draft = timers.TimerDraft(TaskPrompt("x"), Once(), NOW + timedelta(days=days), label)
            timers.add(db, draft, actor="user:test", now=NOW)
        triggers.add(
            db, triggers.TriggerDraft(triggers.Predicate(), TaskPrompt("x")), actor="user:test", now=NOW
        )
    assert values(ask("timers")) == ["2", "1", "nightly", "3"]
    assert (ask("timers", "n")[0][1], ask("triggers")) == ("2026-03-03T12:00:00.000Z", [("1", "once, armed")])


def test_an_unreadable_store_offers_nothing(ask: Ask, project: Project, store: Store) -> None:
    store.close()
    for content in (b"", b"not a database" * 100):
        project.database.write_bytes(content)
        assert [ask(kind) for kind in ("stories", "runs", "labels")] == [[], [], []]
    project.database.unlink()
    assert (ask("stories"), project.database.exists()) == ([], False)
