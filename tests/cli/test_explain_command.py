"""`explain` and `status`: why stories wait, and the board."""

import json

from support.commands import Commands
from support.git_repository import GitRepository

WAITING = """\
1 Fix: backlog

✓ the story is open
✓ no person needs to act
✓ the story is not an epic
✓ all its dependencies are done
✗ not_started: waits to be started (huskies start 1)
✓ no run of it is live

next: you: huskies start 1
"""
BOARD = """\
Stories
STAGE       ID  TITLE  WHY
backlog  ○   1  Fix    waits to be started
blocked  ✗   2  Mend   no idea

Needs you
ID  WHY               COMMAND
 2  blocked: no idea  huskies unblock 2

1 archived
"""


def test_every_rule_is_shown_with_its_mark(huskies: Commands) -> None:
    huskies("add", "Fix", "--type", "bug")
    assert huskies("explain", "#1", "--quiet").outcome == (0, WAITING, "")


def test_the_json_of_explain_has_the_promised_keys(huskies: Commands) -> None:
    huskies("add", "Fix", "--type", "bug")
    data = huskies("explain", "1", "--json").data
    assert (data["story"], data["stage"], data["next"]) == (1, "backlog", "you: huskies start 1")
    assert data["holds"] == [
        {
            "rule": "not_started",
            "detail": "waits to be started",
            "command": "huskies start 1",
        }
    ]


def test_explain_reports_a_missing_scheduler(huskies: Commands) -> None:
    huskies("add", "Fix", "--type", "bug")
    assert huskies("explain", "1").stderr.startswith("No tick ran in the last two minutes.")


def test_explaining_a_missing_story_fails(huskies: Commands) -> None:
    result = huskies("explain", "9", "--json").json()
    assert (result["exit_code"], result["errors"][0]["code"]) == (1, "not_found")


def fill(huskies: Commands) -> None:
    for title in ("Fix", "Mend", "Close"):
        huskies("add", title, "--type", "bug")
    huskies("block", "2", "--reason", "no idea")
    huskies("close", "3", "--reason", "a duplicate")


def test_the_board_shows_stages_needs_and_the_number_of_finished_stories(huskies: Commands) -> None:
    fill(huskies)
    assert huskies("status", "--quiet").outcome == (0, BOARD, "")


def test_the_json_of_status_has_the_promised_keys(huskies: Commands) -> None:
    fill(huskies)
    data = huskies("status", "--json").data
    assert [(name, [story["id"] for story in row]) for name, row in data["stages"].items()] == [
        ("backlog", [1]),
        ("blocked", [2]),
    ]
    assert (data["runs"], data["counts"]) == ([], {"archived": 1, "backlog": 1, "blocked": 1})
    assert data["needs_person"] == [
        {
            "story": 2,
            "stage": "blocked",
            "rule": "blocked",
            "reason": "no idea",
            "command": "huskies unblock 2",
            "cause": "",
        }
    ]
    assert data["limits"]["coders"] == {"live": 0, "most": 3, "reached": False}


def test_a_long_stage_is_cut_only_in_the_text(huskies: Commands) -> None:
    for _ in range(14):
        huskies("add", "Fix", "--type", "bug")
    assert huskies("status").stdout.rstrip().endswith("and 2 more  huskies list --stage backlog")
    assert len(huskies("status", "--json").data["stages"]["backlog"]) == 14


def test_an_empty_board_is_empty(huskies: Commands) -> None:
    assert huskies("status", "--quiet").outcome == (0, "", "")


def test_the_error_of_a_broken_config_is_printed_with_the_board(
    huskies: Commands, repository: GitRepository
) -> None:
    fill(huskies)
    repository.write(".huskies/project.toml", "max_coder = 1\n")
    shown = huskies("status")
    result = json.loads(huskies("status", "--json").stdout)
    assert (shown.exit_code, "no idea" in shown.stdout, "max_coder" in shown.stderr) == (1, True, True)
    assert (result["status"], result["errors"][0]["code"], result["data"]["limits"]) == (
        "partial",
        "config_error",
        {},
    )
