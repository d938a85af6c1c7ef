"""Every pair of a stage and an event, compared with a second copy of the table."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huskies_core.ids import StoryId
from huskies_core.pipeline import events, stages
from huskies_core.pipeline.events import Event
from huskies_core.pipeline.stages import ArchiveReason, MergeFailureKind, Stage, StageName
from huskies_core.pipeline.state_machine import (
    TABLE,
    InvalidTransition,
    allowed_events,
    bounded,
    event_names,
    transition,
)
from support.stage_examples import BRANCH, EVENTS, MERGE, STAGES

OPEN = "backlog coding qa merge merge_failure merge_failure_final blocked review_hold frozen"

SOURCES = {
    "start": "backlog",
    "deps_met": "backlog",
    "gates_failed": "coding qa",
    "qa_requested": "coding",
    "qa_skipped": "coding",
    "review_held": "coding qa",
    "qa_passed": "qa review_hold",
    "qa_rejected": "qa review_hold",
    "merge_succeeded": "merge merge_failure merge_failure_final",
    "merge_failed": "merge merge_failure",
    "merge_failed_final": "merge merge_failure",
    "conflict_resolved": "merge_failure merge_failure_final",
    "merge_retried": "merge_failure merge_failure_final",
    "fixup_requested": "merge merge_failure merge_failure_final",
    "requeued_for_qa": "merge_failure merge_failure_final",
    "block": "backlog coding qa merge merge_failure merge_failure_final review_hold",
    "unblock": "blocked",
    "freeze": "backlog coding qa merge merge_failure merge_failure_final blocked review_hold",
    "unfreeze": "frozen",
    "demote": "coding qa merge merge_failure merge_failure_final blocked review_hold",
    "accept": "done",
    "close": OPEN,
    "abandon": OPEN,
    "supersede": OPEN,
    "reopen": "done archived abandoned superseded",
}

TARGETS: dict[str, Stage] = {
    "start": stages.Coding(),
    "deps_met": stages.Coding(),
    "gates_failed": stages.Coding(),
    "qa_requested": stages.Qa(),
    "qa_skipped": stages.Merge(BRANCH, 3),
    "review_held": stages.ReviewHold("a spike"),
    "qa_passed": stages.Merge(BRANCH, 3),
    "qa_rejected": stages.Coding(),
    "merge_succeeded": stages.Done("2026-03-03T12:00:00.000Z", "beef"),
    "merge_failed": stages.MergeFailure(MergeFailureKind.GATES_FAILED, "2 tests failed"),
    "merge_failed_final": stages.MergeFailureFinal("three attempts"),
    "conflict_resolved": stages.Merge(BRANCH, 4),
    "merge_retried": stages.Merge(BRANCH, 4),
    "fixup_requested": stages.Coding(),
    "requeued_for_qa": stages.Qa(),
    "demote": stages.Backlog(),
    "accept": stages.Archived("2026-03-04T12:00:00.000Z", ArchiveReason.COMPLETED),
    "close": stages.Archived("2026-03-04T12:00:00.000Z", ArchiveReason.CLOSED),
    "abandon": stages.Abandoned("too old"),
    "supersede": stages.Superseded(StoryId(9)),
    "reopen": stages.Backlog(),
}

RESUMED: dict[str, Stage] = {"blocked": MERGE, "frozen": stages.Blocked("stuck", MERGE)}


def expected(stage: Stage, event: str) -> Stage | None:
    if stage.name.value not in SOURCES[event].split():
        return None
    if event == "block":
        return stages.Blocked("stuck", stage)
    if event == "freeze":
        return stages.Frozen(stage)
    return RESUMED[stage.name.value] if event in ("unblock", "unfreeze") else TARGETS[event]


def reached(stage: Stage, event: Event) -> Stage | None:
    try:
        return transition(stage, event)
    except InvalidTransition:
        return None


def test_the_table_has_every_event_once() -> None:
    declared = list(event_names())
    assert (list(SOURCES), list(EVENTS)) == (declared, declared)
    assert {row.event for row in TABLE} == set(get_args(Event))


@pytest.mark.parametrize("stage", STAGES.values(), ids=list(STAGES))
def test_each_event_leads_to_its_target_or_is_refused(stage: Stage) -> None:
    led = {name: reached(stage, event) for name, event in EVENTS.items()}
    assert led == {name: expected(stage, name) for name in EVENTS}


@pytest.mark.parametrize("stage", STAGES.values(), ids=list(STAGES))
def test_the_allowed_events_of_a_stage_are_those_with_a_target(stage: Stage) -> None:
    assert allowed_events(stage) == tuple(name for name in EVENTS if expected(stage, name) is not None)


def test_a_refusal_names_the_stage_the_event_and_what_is_allowed_instead() -> None:
    with pytest.raises(InvalidTransition, match=r"^qa_passed is not allowed in blocked$") as refused:
        transition(STAGES["blocked"], EVENTS["qa_passed"])
    assert refused.value.allowed == ("unblock", "freeze", "demote", "close", "abandon", "supersede")


EMPTY = (
    events.QaSkipped(BRANCH, 0),
    events.QaPassed(BRANCH, 0),
    events.ConflictResolved(BRANCH, 0),
    events.MergeRetried(BRANCH, 0),
)


@pytest.mark.parametrize("event", EMPTY, ids=lambda event: event.name)
def test_no_event_leads_to_merge_without_a_commit(event: Event) -> None:
    with pytest.raises(ValueError, match="at least one commit"):
        transition(STAGES[SOURCES[event.name].split()[0]], event)


@given(st.lists(st.sampled_from(list(EVENTS))))
def test_no_sequence_of_events_leads_to_a_dead_end(fired: list[str]) -> None:
    stage: Stage = stages.Backlog()
    for name in fired:
        stage = reached(stage, EVENTS[name]) or stage
    assert StageName.ARCHIVED in within_reach(stage)
    assert "reopen" in allowed_events(stage) if stage.name in stages.TERMINAL else merged(stage)


def merged(stage: Stage) -> bool:
    """Return whether the story can reach done without being reopened or closed."""
    return StageName.DONE in within_reach(stage, without=("reopen", "close", "abandon", "supersede"))


def within_reach(stage: Stage, *, without: tuple[str, ...] = ()) -> set[StageName]:
    known: set[Stage] = {stage}
    ahead = [stage]
    while ahead:
        here = ahead.pop()
        ways = [event for name, event in EVENTS.items() if name not in (*without, "freeze", "block")]
        reached_stages = {after for event in ways if (after := reached(here, event)) is not None} - known
        known |= reached_stages
        ahead.extend(reached_stages)
    return {stage.name for stage in known}


RETRIED = ("gates_failed", "qa_rejected", "fixup_requested")


@pytest.mark.parametrize("name", RETRIED)
@pytest.mark.parametrize(
    ("retries", "limit", "goes_on"), [(0, 3, True), (2, 3, True), (3, 3, False), (9, 0, True)]
)
def test_a_failure_beyond_the_retries_blocks(name: str, retries: int, limit: int, *, goes_on: bool) -> None:
    event = bounded(EVENTS[name], retries=retries, max_retries=limit)
    assert (event is EVENTS[name], event.name) == (goes_on, name if goes_on else "block")


def test_the_block_names_the_failure_the_count_and_the_reason() -> None:
    blocks = [bounded(EVENTS[name], retries=3, max_retries=3) for name in RETRIED]
    assert blocks == [
        events.Block("gates_failed after 3 of 3 retries: 1 test failed"),
        events.Block("qa_rejected after 3 of 3 retries: no tests"),
        events.Block("fixup_requested after 3 of 3 retries: 2 tests failed"),
    ]


def test_other_events_are_never_bounded() -> None:
    others = [event for name, event in EVENTS.items() if name not in RETRIED]
    assert [bounded(event, retries=99, max_retries=1) for event in others] == others
