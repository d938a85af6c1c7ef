"""`timer` and `trigger` on the command line."""

import pytest

from huskies_cli.views.timers import MOST
from huskies_core.clock import from_iso
from support.commands import Commands
from support.waiting import wait_until

TASK = ("--prompt", "Bring the notes up to date")
CALL = ("--tool", "create_story", "--args", '{"title": "x", "type": "task"}')


def test_a_timer_is_added_listed_with_three_times_and_cancelled_by_its_label(huskies: Commands) -> None:
    added = huskies("timer", "add", "--every", "6h", "--label", "notes", *TASK, "--json").data
    (listed,) = huskies("timer", "list", "--json").data["timers"]
    first, second, third = map(from_iso, listed["next"])
    cancelled = huskies("timer", "cancel", "notes").outcome
    again = huskies("timer", "cancel", "notes").outcome
    assert added == listed
    assert ((second - first).seconds, (third - second).seconds) == (6 * 3600, 6 * 3600)
    assert {key: listed[key] for key in ("id", "label", "mode", "action", "state")} == {
        "id": 1,
        "label": "notes",
        "mode": "every",
        "action": {"prompt": "Bring the notes up to date"},
        "state": "armed",
    }
    assert listed["fire_at"] == listed["next"][0]
    assert (cancelled, again) == (
        (0, "timer 1 cancelled\n", ""),
        (0, "", "there is no timer notes to cancel\n"),
    )
    assert huskies("timer", "list", "--json").data == {"timers": []}
    assert [one["state"] for one in huskies("timer", "list", "--all", "--json").data["timers"]] == [
        "cancelled"
    ]


def test_a_cron_timer_is_read_in_its_time_zone_and_shown_in_a_table(huskies: Commands) -> None:
    huskies("timer", "add", "--cron", "30  2 * * *", "--tz", "Europe/London", *CALL)
    (listed,) = huskies("timer", "list", "--json").data["timers"]
    lines = huskies("timer", "list").stdout.splitlines()
    assert (listed["mode"], listed["expression"], listed["zone"]) == ("cron", "30 2 * * *", "Europe/London")
    assert (len(lines), lines[0].split()) == (4, ["ID", "LABEL", "NEXT", "MODE", "ACTION", "STATE"])


@pytest.mark.parametrize(
    ("args", "subject"),
    [
        (("--in", "soon", *TASK), "in"),
        (("--at", "25:00", *TASK), "at"),
        (("--every", "0s", *TASK), "every"),
        (("--cron", "* * * *", *TASK), "cron"),
        (("--cron", "0 9 * * *", "--tz", "Mars", *TASK), "tz"),
        (TASK, "at"),
        (("--in", "1h", "--every", "1h", *TASK), "at"),
        (("--in", "1h"), "tool"),
        (("--in", "1h", *TASK, *CALL), "tool"),
        (("--in", "1h", "--prompt", " "), "prompt"),
        (("--in", "1h", *TASK, "--args", "{}"), "args"),
        (("--in", "1h", "--tool", "create_stroy"), "create_stroy"),
        (("--in", "1h", "--tool", "create_story"), "title"),
        (("--in", "1h", "--tool", "create_story", "--args", "[]"), "args"),
        (("--in", "1h", "--label", " x", *TASK), "label"),
        (("--in", "1h", "--catch-up", "none", *TASK), "catch_up"),
    ],
)
def test_an_invalid_value_names_the_option(huskies: Commands, args: tuple[str, ...], subject: str) -> None:
    refused = huskies("timer", "add", *args, "--json")
    (error,) = refused.json()["errors"]
    assert (refused.exit_code, error["code"], error["subject"]) == (2, "usage", subject)
    assert huskies("timer", "list", "--json").data == {"timers": []}


def test_a_trigger_is_added_listed_and_cancelled(huskies: Commands) -> None:
    added = huskies("trigger", "add", "--to", "done", "--label", "rel*", "--persistent", *TASK, "--json").data
    (listed,) = huskies("trigger", "list", "--json").data["triggers"]
    table = huskies("trigger", "list").stdout.splitlines()[1].split()
    cancelled, again = huskies("trigger", "cancel", "1").outcome, huskies("trigger", "cancel", "1").exit_code
    assert added == listed
    assert listed == {
        "id": 1,
        "predicate": {"label": "rel*", "to": "done"},
        "mode": "persistent",
        "action": {"prompt": "Bring the notes up to date"},
        "fired": 0,
        "state": "armed",
        "trouble": None,
    }
    assert table[:6] == ["1", "label", "rel*", "to", "done", "persistent"]
    assert (cancelled, again) == ((0, "trigger 1 cancelled\n", ""), 0)


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (("--to", "doen"), "Did you mean done?"),
        (("--from", "codign"), "Did you mean coding?"),
        (("--event", "strat"), "Did you mean start?"),
        (("--type", "bgu"), "Did you mean bug?"),
    ],
)
def test_a_pattern_that_matches_nothing_is_refused(
    huskies: Commands, args: tuple[str, ...], hint: str
) -> None:
    refused = huskies("trigger", "add", *args, *TASK, "--json")
    (error,) = refused.json()["errors"]
    assert (refused.exit_code, error["subject"], error["hint"]) == (2, args[0].removeprefix("--"), hint)


def test_a_trigger_is_cancelled_by_the_label_in_its_pattern(huskies: Commands) -> None:
    for label in ("release", "release", "other"):
        huskies("trigger", "add", "--label", label, *TASK)
    assert huskies("trigger", "cancel", "release", "--json").data == {"cancelled": [1, 2]}


def test_only_the_process_of_an_execution_makes_its_tool_call(huskies: Commands) -> None:
    refused = huskies("perform", "1", "--json")
    assert (refused.exit_code, refused.json()["errors"][0]["code"]) == (1, "not_yours")


def test_timers_and_triggers_are_tools(huskies: Commands) -> None:
    made = huskies("tool", "call", "schedule_timer", '{"after": "2h", "prompt": "x"}', "--json").data
    huskies("tool", "call", "create_trigger", '{"to_stage": "done", "prompt": "x"}')
    listed = huskies("tool", "call", "list_triggers", "{}", "--json").data
    assert (huskies("timer", "cancel", "1").stdout, huskies("trigger", "cancel", "1").stdout) == (
        "timer 1 cancelled\n",
        "trigger 1 cancelled\n",
    )
    assert (made["id"], len(listed["triggers"])) == (1, 1)


def test_status_lists_a_failed_execution_until_it_is_cancelled(huskies: Commands) -> None:
    huskies("timer", "add", "--at", "2020-01-01T00:00", "--tool", "start_story", "--args", '{"id": 7}')
    huskies("fire-timers")
    wait_until(lambda: "timer 1" in huskies("status", "--quiet").stdout, 30)
    (execution,) = huskies("status", "--json").data["firings"]
    huskies("timer", "cancel", "1")
    assert execution == {
        "source": "timer:1",
        "state": "fired",
        "why": "failed: tool start_story: there is no story 7",
        "command": "huskies timer cancel 1",
    }
    assert huskies("status", "--json").data["firings"] == []


def test_the_call_of_a_trigger_has_the_story_that_moved(huskies: Commands) -> None:
    """The call is checked with an example transition when it is set, and stored as it was written."""
    args = '{"id": "{{story_id}}", "reason": "{{event}} was early"}'
    made = huskies("trigger", "add", "--event", "start", "--tool", "block_story", "--args", args, "--json")
    wrong = [
        huskies("trigger", "add", "--tool", "block_story", "--args", text, "--json").json()["errors"][0]
        for text in ('{"id": "{{story}}", "reason": "x"}', '{"id": "{{event}}", "reason": "x"}')
    ]
    assert made.data["action"]["args"]["id"] == "{{story_id}}"
    assert [(error["code"], error["subject"]) for error in wrong] == [("usage", "args"), ("usage", "id")]


def test_of_many_timers_the_text_has_the_soonest_fifty_and_the_json_all(huskies: Commands) -> None:
    for number in range(1, MOST + 2):
        huskies("timer", "add", "--in", f"{100 - number}h", "--label", f"t{number}", *TASK)
    lines = [line.split() for line in huskies("timer", "list").stdout.splitlines()]
    drawn = [words[1] for words in lines if words[1:] and words[1].startswith("t")]
    assert drawn == [f"t{number}" for number in range(MOST + 1, 1, -1)]
    assert " ".join(lines[-1]) == "and 1 more: huskies timer list --json"
    everything = huskies("timer", "list", "--all").stdout.splitlines()
    assert everything[-1] == "and 1 more: huskies timer list --all --json"
    assert len(huskies("timer", "list", "--json").data["timers"]) == MOST + 1


def test_of_many_triggers_the_text_has_fifty_and_the_json_all(huskies: Commands) -> None:
    for _ in range(MOST + 1):
        huskies("trigger", "add", "--event", "block", *TASK)
    lines = huskies("trigger", "list").stdout.splitlines()
    drawn = [line for line in lines if "event block" in line]
    assert (len(drawn), lines[-1]) == (MOST, "and 1 more: huskies trigger list --json")
    assert len(huskies("trigger", "list", "--json").data["triggers"]) == MOST + 1


@pytest.mark.parametrize("kind", ["timer", "trigger"])
def test_without_a_project_no_action_is_checked(outside: Commands, kind: str) -> None:
    calls = (f"{kind} add", f"{kind} add --tool freeze_stroy", f"{kind} add --prompt x")
    assert [outside(*call.split()).exit_code for call in calls] == [4, 4, 4]
