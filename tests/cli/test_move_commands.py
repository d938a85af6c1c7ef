"""The commands that move stories, with one and with several ids."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from huskies_cli.command_index import COMMANDS
from huskies_cli.project_context import open_context
from huskies_core.pipeline.events import (
    Event,
    MergeFailed,
    MergeFailedFinal,
    QaRequested,
    QaSkipped,
    ReviewHeld,
    Start,
)
from huskies_core.pipeline.stages import MergeFailureKind
from huskies_core.pipeline.state_machine import TABLE
from support.commands import Commands
from support.git_repository import GitRepository
from support.stories import apply_events

QUEUED = (Start(), QaSkipped("feature/story-1", 1))
CONFLICT = (*QUEUED, MergeFailed(MergeFailureKind.CONFLICT_DETECTED, "README"))
FINAL = (*CONFLICT, MergeFailedFinal("three attempts"))
IN_REVIEW = (Start(), ReviewHeld("look at it"))
CASES: Sequence[tuple[tuple[str, ...], tuple[Event, ...], str]] = (
    (("start", "1"), (), "1: backlog → coding\n"),
    (("approve", "1"), IN_REVIEW, "1: review_hold → merge\n"),
    (("reject", "1", "--notes", "no"), (Start(), QaRequested()), "1: qa → coding\n"),
    (("block", "1", "--reason", "no"), (), "1: backlog → blocked\n"),
    (("freeze", "1"), (), "1: backlog → frozen\n"),
    (("demote", "1"), (Start(),), "1: coding → backlog\n"),
    (("close", "1", "--reason", "no"), (), "1: backlog → archived\n"),
    (("abandon", "1", "--reason", "no"), (), "1: backlog → abandoned\n"),
    (("supersede", "1", "--by", "#2"), (), "1: backlog → superseded\n"),
    (("retry", "1"), FINAL, "1: merge_failure_final → merge\n"),
    (("retry", "1", "--to", "qa"), FINAL, "1: merge_failure_final → qa\n"),
    (("retry", "1", "--to", "coding"), CONFLICT, "1: merge_failure → coding\n"),
    (("resolve", "1"), CONFLICT, "1: merge_failure → merge\n"),
)
REFUSED = (
    *(
        ("approve", "1"),
        ("reject", "1", "--notes", "no"),
        ("unblock", "1"),
        ("unfreeze", "1"),
        ("demote", "1"),
    ),
    *(("reopen", "1"), ("retry", "1"), ("resolve", "1")),
)


@pytest.fixture
def two_stories(huskies: Commands, repository: GitRepository) -> Commands:
    """Add two stories to the backlog; the first has a commit on its branch."""
    for title in ("first", "second"):
        huskies("add", title, "--type", "bug")
    repository.checkout("feature/story-1", new=True)
    repository.commit_file("work", "done\n")
    repository.checkout("main")
    return huskies


def prepare(repository: GitRepository, events: Sequence[Event]) -> None:
    """Apply these events to story 1."""
    with open_context(repository.root, actor="test") as context:
        apply_events(context.store, *events, now=context.now())


@pytest.mark.parametrize(
    ("command", "events", "line"), CASES, ids=lambda value: " ".join(map(str, value))[:30]
)
def test_each_command_moves_its_story(
    two_stories: Commands,
    repository: GitRepository,
    command: tuple[str, ...],
    events: Sequence[Event],
    line: str,
) -> None:
    prepare(repository, events)
    result = two_stories(*command, "--quiet")
    assert result.outcome == (0, line, "")


@pytest.mark.parametrize("command", REFUSED, ids=" ".join)
def test_each_command_refuses_an_invalid_stage(two_stories: Commands, command: tuple[str, ...]) -> None:
    result = two_stories(*command, "--json")
    error = result.json()["errors"][0]
    fact = f"story 1 is in backlog: {command[0]} is not allowed there"
    allowed = "Allowed there: start, block, freeze, close, abandon, supersede."
    assert result.exit_code == 1
    assert error == {"code": "invalid_transition", "message": fact, "hint": allowed, "subject": "1"}


def test_every_event_of_a_person_names_an_existing_command() -> None:
    commands = {entry.name for entry in COMMANDS}
    assert {row.command.split()[0] for row in TABLE if row.command} <= commands


@pytest.mark.parametrize("command", ["start", "block", "freeze", "close", "abandon", "supersede"])
def test_a_missing_story_is_refused(two_stories: Commands, command: str) -> None:
    more = {
        "block": ("--reason", "x"),
        "close": ("--reason", "x"),
        "abandon": ("--reason", "x"),
        "supersede": ("--by", "2"),
    }
    result = two_stories(command, "9", *more.get(command, ()), "--json").json()
    assert (result["status"], result["exit_code"], result["errors"][0]["code"]) == ("error", 1, "not_found")


@pytest.mark.parametrize(
    "command",
    [
        ("block", "1"),
        ("reject", "1"),
        ("supersede", "1"),
        ("merged", "1"),
        ("start",),
        ("retry", "1", "--to", "done"),
    ],
)
def test_a_missing_argument_is_wrong_usage(two_stories: Commands, command: tuple[str, ...]) -> None:
    assert two_stories(*command).exit_code == 2


def test_a_stopped_story_continues(two_stories: Commands) -> None:
    two_stories("freeze", "1")
    two_stories("block", "2", "--reason", "no")
    two_stories("abandon", "2", "--reason", "no")
    result = [
        two_stories("unfreeze", "1").stdout,
        two_stories("block", "1", "--reason", "x").stdout,
        two_stories("unblock", "1").stdout,
    ]
    assert result == ["1: frozen → backlog\n", "1: backlog → blocked\n", "1: blocked → backlog\n"]
    assert two_stories("reopen", "2").outcome == (0, "2: abandoned → backlog\n", "")


def test_several_stories_are_moved_independently(two_stories: Commands) -> None:
    result = two_stories("freeze", "1", "9", "#2", "1", "--json").json()
    moved = [{"id": story, "event": "freeze", "before": "backlog", "after": "frozen"} for story in (1, 2)]
    assert (result["status"], result["exit_code"], result["data"]) == ("partial", 1, {"stories": moved})
    assert [error["code"] for error in result["errors"]] == ["not_found"]


def test_it_is_an_error_if_no_story_moves(two_stories: Commands) -> None:
    result = two_stories("freeze", "8", "9", "--json").json()
    assert (result["status"], result["exit_code"], len(result["errors"])) == ("error", 1, 2)


def test_a_merge_by_hand_is_verified(two_stories: Commands, repository: GitRepository) -> None:
    prepare(repository, CONFLICT)
    commit = repository.commit_id("feature/story-1")
    refused = two_stories("merged", "1", "--commit", commit, "--json").json()["errors"][0]["code"]
    repository.git("merge", "--quiet", "feature/story-1")
    done = two_stories("merged", "1", "--commit", commit)
    assert (refused, done.outcome) == ("not_on_base", (0, "1: merge_failure → done\n", ""))


def test_a_story_with_an_unmet_dependency_does_not_start(two_stories: Commands) -> None:
    two_stories("update", "1", "--depends-on", "2")
    result = two_stories("start", "1", "--json").json()["errors"][0]
    assert (result["code"], result["message"]) == ("unmet_dependency", "story 1 waits for 2 (backlog)")
    assert two_stories("start", "1", "--force").exit_code == 0


def test_an_agent_may_not_move_its_story(
    two_stories: Commands, repository: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUSKIES_PROJECT", str(repository.root))
    monkeypatch.setenv("HUSKIES_RUN_ID", "1")
    result = [
        two_stories(*command, "--json").stdout
        for command in (
            *(("start", "1"), ("add", "x"), ("approve", "1"), ("list",)),
            *(("block", "1", "--reason", "x"), ("block", "1", "--reason", "")),
        )
    ]
    codes = [[error["code"] for error in json.loads(text)["errors"]] for text in result]
    refused = ["inside_a_run"]
    assert codes == [refused, refused, refused, [], refused, refused]


def test_several_stories_report_an_empty_reason_each(two_stories: Commands) -> None:
    document = two_stories("block", "1", "2", "--reason", " ", "--json").json()
    codes = [error["code"] for error in document["errors"]]
    assert (document["data"], codes) == ({"stories": []}, ["missing_reason", "missing_reason"])


def test_a_project_is_opened_before_its_timers_are_checked(outside: Commands) -> None:
    assert [error["code"] for error in outside("timer", "add", "--in", "1h", "--json").json()["errors"]] == [
        "no_project"
    ]


def test_a_story_starts_despite_a_broken_config(huskies: Commands) -> None:
    huskies("add", "A story", "-c", "it works")
    Path(".huskies/project.toml").write_text("max_coders = 'three'\n")
    assert huskies("start", "1").outcome[:2] == (0, "1: backlog → coding\n")


@pytest.mark.parametrize("args", [("history", "--after"), ("run", "list", "--limit")])
def test_a_number_too_large_for_the_store_is_wrong_usage(huskies: Commands, args: tuple[str, ...]) -> None:
    refused = huskies(*args, "9" * 20)
    assert (refused.exit_code, "is not a whole number" in refused.stderr) == (2, True)


def test_an_approval_by_a_person_lists_the_open_criteria(
    two_stories: Commands, repository: GitRepository
) -> None:
    two_stories("update", "1", "--add-criterion", "quick", "--add-criterion", "small", "--check", "1")
    prepare(repository, IN_REVIEW)
    approved = two_stories("approve", "1", "--json")
    data = json.loads(approved.stdout)["data"]
    moved = {"id": 1, "event": "qa_passed", "before": "review_hold", "after": "merge"}
    assert data == {"stories": [{**moved, "open_criteria": [2]}]}
