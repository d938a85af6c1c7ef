"""Tools by their names: each has the effect of its command, and a result in JSON."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from msgspec.structs import fields

from huskies_core.context import Context
from huskies_core.errors import HuskiesError, UsageError
from huskies_core.ids import StoryId
from huskies_core.operations import registry
from huskies_core.operations.registry import call
from huskies_core.operations.schema import schema_of
from huskies_core.pipeline.stages import MergeFailure, MergeFailureKind, ReviewHold
from huskies_core.store.runs import RunKind
from huskies_core.store.stories import StoryDraft
from support.git_repository import GitRepository
from support.stories import import_story

AsRun = Callable[[int, RunKind], Context]
STORY = {"title": "Show the board", "criteria": ["It is shown", "It is fast"]}
MOVES = (
    *("start", "approve", "reject", "block", "unblock", "freeze", "unfreeze", "demote", "retry"),
    *("resolve", "close", "abandon", "supersede", "reopen"),
)
ARGUMENTS: Mapping[str, dict[str, Any]] = {
    "reject_story": {"notes": "no"},
    **{name: {"reason": "no"} for name in ("block_story", "close_story", "abandon_story")},
    "supersede_story": {"by": 2},
    "mark_merged": {"commit": "HEAD"},
    "update_story": {"title": "x"},
    "check_criterion": {"number": 1},
}
"""The arguments of tools besides the id of a story."""
OF_NO_STORY: Mapping[str, dict[str, Any]] = {
    "create_story": {**STORY},
    "kill_run": {"run": 1},
    "schedule_timer": {"after": "2h", "prompt": "Look"},
    "cancel_timer": {"timer": "1"},
    "create_trigger": {"to_stage": "done", "prompt": "Look"},
    "cancel_trigger": {"trigger": "1"},
    "pause_starting": {},
    "resume_starting": {},
}


def refused(context: Context, name: str, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(HuskiesError) as raised:
        call(context, name, arguments)
    return raised.value.code, raised.value.subject


def answer_of(context: Context, name: str, **arguments: Any) -> dict[str, Any]:
    """Return the answer, which contains only JSON values."""
    answer = call(context, name, arguments)
    assert json.loads(json.dumps(answer)) == answer
    return answer


def test_callers_with_json_are_offered_these_operations_and_no_others() -> None:
    """A definition alone, such as that of `service install`, makes no tool."""
    assert list(registry.tools()) == [
        *(
            "create_story",
            "update_story",
            "check_criterion",
            "show_story",
            "list_stories",
            "explain",
            "history",
        ),
        *("start_story", "approve_story", "reject_story", "block_story", "unblock_story", "freeze_story"),
        *("unfreeze_story", "demote_story", "retry_story", "resolve_story", "mark_merged", "close_story"),
        *("abandon_story", "supersede_story", "reopen_story"),
        *("list_agents", "start_agent", "stop_agent", "agent_prompt", "run_gates", "test_agent"),
        *("list_runs", "show_run", "kill_run", "get_output"),
        *("pipeline_status", "merge_status", "costs", "pause_starting", "resume_starting"),
        *("list_worktrees", "list_rescues", "restore_rescue"),
        *(
            "schedule_timer",
            "list_timers",
            "cancel_timer",
            "create_trigger",
            "list_triggers",
            "cancel_trigger",
        ),
    ]


def test_the_fields_of_a_story_are_arguments_and_keys(context: Context) -> None:
    """Adding a field to the record adds it everywhere."""
    names = {item.name for item in fields(StoryDraft)} - {"criteria"}
    created = {item.name for item in registry.find("create_story").parameters}
    updated = {item.name for item in registry.find("update_story").parameters}
    answer_of(context, "create_story", **STORY)
    assert (
        names - created == names - updated == names - answer_of(context, "show_story", id=1).keys() == set()
    )


def test_every_event_of_a_person_has_a_tool() -> None:
    assert {f"{move}_story" for move in MOVES} | {"mark_merged"} <= set(registry.tools())


def test_a_tool_is_found_only_by_its_exact_name() -> None:
    assert all(name == tool.tool for name, tool in registry.tools().items())
    with pytest.raises(UsageError) as raised:
        registry.find("crate_story")
    assert (raised.value.subject, raised.value.hint) == ("crate_story", "Did you mean create_story?")


def test_every_tool_and_argument_is_explained() -> None:
    schemas = [schema_of(tool) for tool in registry.tools().values()]
    helps = [tool.description for tool in registry.tools().values()]
    helps += [field["description"] for schema in schemas for field in schema["properties"].values()]
    assert all(text[0].isupper() and text.endswith(".") for text in helps)
    assert json.loads(json.dumps(schemas)) == schemas


def test_a_story_is_created_changed_and_shown(context: Context) -> None:
    created = answer_of(context, "create_story", **STORY, priority=2, labels=["ui"], qa="human")
    changed = answer_of(context, "update_story", id=1, type="bug", labels=[], add_criteria=["It is small"])
    checked = answer_of(context, "check_criterion", id=1, number=3)
    page = answer_of(context, "show_story", id=1)
    assert (created, changed["changed"], checked) == (
        {"id": 1, "stage": "backlog"},
        True,
        {"id": 1, "criteria": page["criteria"], "changed": True},
    )
    assert [item["checked"] for item in page["criteria"]] == [False, False, True]
    assert (page["type"], page["labels"], page["qa"], page["priority"]) == ("bug", [], "human", 2)
    assert (
        answer_of(context, "check_criterion", id=1, number=3, checked=False)["criteria"][2]["checked"]
        is False
    )


def test_a_story_can_be_created_started(context: Context) -> None:
    assert answer_of(context, "create_story", **STORY, start=True) == {"id": 1, "stage": "coding"}


def test_stories_are_chosen_by_stage_type_and_label(context: Context) -> None:
    answer_of(context, "create_story", **STORY, start=True)
    answer_of(context, "create_story", **STORY, labels=["ui"])
    answer_of(context, "create_story", **STORY, type="bug")
    selections: tuple[dict[str, Any], ...] = ({}, {"stages": ["coding"]}, {"label": "ui"}, {"type": "bug"})
    answers = [answer_of(context, "list_stories", **filters)["stories"] for filters in selections]
    assert [[story["id"] for story in stories] for stories in answers] == [[1, 2, 3], [1], [2], [3]]


@pytest.mark.parametrize(
    ("arguments", "code", "subject"),
    [
        ({"criteria": ["x"]}, "usage", "title"),
        ({"title": ""}, "invalid_title", "title"),
        ({"title": "x"}, "missing_criterion", "criteria"),
        ({**STORY, "type": "chore"}, "usage", "type"),
        ({**STORY, "depends_on": [0]}, "usage", "depends_on"),
        ({**STORY, "depends_on": [7]}, "unknown_dependency", "depends_on"),
        ({**STORY, "labels": ["a,b"]}, "invalid_label", "labels"),
        ({**STORY, "epic": 7}, "unknown_epic", "epic"),
    ],
)
def test_a_refusal_names_the_field(
    context: Context, arguments: dict[str, Any], code: str, subject: str
) -> None:
    assert refused(context, "create_story", **arguments) == (code, subject)
    assert answer_of(context, "list_stories")["stories"] == []


@pytest.mark.parametrize(
    ("name", "field", "rest"),
    [
        ("create_story", "title", {}),
        ("block_story", "reason", {"id": 1}),
        ("reject_story", "notes", {"id": 1}),
    ],
)
def test_words_can_be_checked_without_a_project(name: str, field: str, rest: dict[str, Any]) -> None:
    with pytest.raises(HuskiesError) as raised:
        registry.prepare_call(name, {field: " ", **rest})
    assert raised.value.subject == field


def test_a_story_goes_through_every_stage_that_a_person_can_move_it_to(context: Context) -> None:
    answer_of(context, "create_story", **STORY)
    answer_of(context, "create_story", **STORY)
    steps = (
        *("start", "block", "unblock", "freeze", "unfreeze", "demote", "start", "close", "reopen"),
        *("abandon", "reopen", "supersede", "reopen"),
    )
    moved = [
        answer_of(context, f"{step}_story", id=1, **ARGUMENTS.get(f"{step}_story", {})) for step in steps
    ]
    assert [(move["event"], move["after"]) for move in moved] == [
        *(("start", "coding"), ("block", "blocked"), ("unblock", "coding"), ("freeze", "frozen")),
        *(("unfreeze", "coding"), ("demote", "backlog"), ("start", "coding"), ("close", "archived")),
        *(("reopen", "backlog"), ("abandon", "abandoned"), ("reopen", "backlog")),
        *(("supersede", "superseded"), ("reopen", "backlog")),
    ]
    assert moved[0] == {"id": 1, "event": "start", "before": "backlog", "after": "coding"}


def test_a_review_and_a_failed_merge_are_moved_on(context: Context, repository: GitRepository) -> None:
    import_story(context.store, ReviewHold("looks odd"))
    rejected = answer_of(context, "reject_story", id=1, notes="too slow")
    for number in (2, 3):
        import_story(context.store, MergeFailure(MergeFailureKind.OTHER, "disk"), number=StoryId(number))
    retried = answer_of(context, "retry_story", id=2, to="coding")
    merged = answer_of(context, "mark_merged", id=3, commit=repository.commit_id())
    assert [(move["id"], move["after"]) for move in (rejected, retried, merged)] == [
        (1, "coding"),
        (2, "coding"),
        (3, "done"),
    ]


def test_an_event_that_the_stage_does_not_allow_is_refused(context: Context) -> None:
    answer_of(context, "create_story", **STORY)
    assert [
        refused(context, f"{move}_story", id=1)[0] for move in ("approve", "unblock", "reopen", "resolve")
    ] == ["invalid_transition"] * 4


def test_each_question_about_the_project_is_answered(context: Context) -> None:
    answer_of(context, "create_story", **STORY, start=True)
    board = answer_of(context, "pipeline_status")
    assert [story["id"] for story in board["stages"]["coding"]] == [1]
    assert board["errors"] == []
    assert answer_of(context, "explain", id=1)["holds"][0]["rule"] == "no_agent"
    assert answer_of(context, "list_agents") == {"agents": []}
    assert answer_of(context, "list_runs") == {"runs": [], "errors": []}
    assert answer_of(context, "list_worktrees") == {"worktrees": []}
    assert answer_of(context, "list_rescues") == {"rescues": []}
    assert refused(context, "restore_rescue", id=1) == ("usage", "1")
    assert refused(context, "show_run", run=1) == ("not_found", "1")
    assert refused(context, "get_output", id=1) == ("no_runs", "1")


def test_the_board_is_shown_with_the_error_of_a_config_that_does_not_load(context: Context) -> None:
    answer_of(context, "create_story", **STORY)
    context.project.project_toml.write_text("nonsense = 1\n")
    board = answer_of(context, "pipeline_status")
    assert [error["code"] for error in board["errors"]] == ["config_error"]
    assert list(board["stages"]) == ["backlog"]


def test_the_latest_rows_of_the_history_are_returned(context: Context) -> None:
    answer_of(context, "create_story", **STORY)
    for step in ("start", "freeze", "unfreeze"):
        answer_of(context, f"{step}_story", id=1)
    latest = answer_of(context, "history", latest=2)["transitions"]
    rest = answer_of(context, "history", id=1, after=latest[0]["seq"], latest=0)["transitions"]
    assert ([row["event"] for row in latest], rest) == (["freeze", "unfreeze"], latest[1:])
    assert len(answer_of(context, "history", all=True)["transitions"]) == 4


def test_an_agent_is_refused_what_its_commands_refuse(context: Context, as_run: AsRun) -> None:
    answer_of(context, "create_story", **STORY, start=True)
    answer_of(context, "create_story", **STORY)
    inside = as_run(1, RunKind.CODER)
    calls = {
        name: OF_NO_STORY.get(name, {"id": 2, **ARGUMENTS.get(name, {})})
        for name, tool in registry.tools().items()
        if tool.writes
    }
    codes = {name: refused(inside, name, **arguments)[0] for name, arguments in calls.items()}
    assert codes == dict.fromkeys(calls, "inside_a_run")


def test_an_agent_checks_off_a_criterion_of_its_own_story(context: Context, as_run: AsRun) -> None:
    answer_of(context, "create_story", **STORY, start=True)
    answer_of(context, "create_story", **STORY)
    inside = as_run(1, RunKind.CODER)
    assert answer_of(inside, "check_criterion", id=1, number=1)["changed"]
    assert refused(inside, "check_criterion", id=2, number=1)[0] == "inside_a_run"
