import json
from collections.abc import Mapping
from typing import Any

import pytest

from huskies_core.ids import Seq, StoryId
from huskies_core.passes.relay import LONGEST_REASON, frames_of
from huskies_core.store.journal import JournalEntry, JournalKind


def frames_for(event: str, before: str | None, after: str, detail: Mapping[str, Any]) -> list[dict[str, Any]]:
    at = "2026-03-01T12:00:00.250Z"
    entry = JournalEntry(
        Seq(7), at, JournalKind.TRANSITION, StoryId(12), event, before, after, "user:test", detail
    )
    return [json.loads(frame) for frame in frames_of(entry)]


def frame(kind: str, **fields: str) -> dict[str, Any]:
    return {"type": kind, "story_id": "12", **fields, "timestamp_ms": 1772366400250}


def moved(before: str, after: str) -> dict[str, Any]:
    return frame("stage_transition", from_stage=before, to_stage=after)


CONFLICT = {"kind": "conflict_detected", "detail": "a.txt\nb.txt"}


@pytest.mark.parametrize(
    ("event", "before", "after", "detail", "frames"),
    [
        ("start", "backlog", "coding", {}, [moved("backlog", "coding")]),
        ("imported", None, "merge", {"title": "x"}, [moved("", "merge")]),
        (
            "merge_failed",
            "merge",
            "merge_failure",
            CONFLICT,
            [
                moved("merge", "merge_failure"),
                frame("merge_failure", reason="conflict_detected: a.txt\nb.txt"),
            ],
        ),
        (
            "merge_failed",
            "merge_failure",
            "merge_failure",
            CONFLICT,
            [moved("merge_failure", "merge_failure")],
        ),
        (
            "merge_failed",
            "merge",
            "merge_failure",
            {"kind": "no_commits", "detail": ""},
            [moved("merge", "merge_failure"), frame("merge_failure", reason="no_commits")],
        ),
        (
            "block",
            "qa",
            "blocked",
            {"reason": "which colour?"},
            [moved("qa", "blocked"), frame("story_blocked", reason="which colour?")],
        ),
        ("unfreeze", "frozen", "blocked", {}, [moved("frozen", "blocked")]),
    ],
)
def test_a_failed_merge_and_a_block_have_a_second_frame(
    event: str, before: str | None, after: str, detail: dict[str, str], frames: list[dict[str, Any]]
) -> None:
    assert frames_for(event, before, after, detail) == frames


def test_a_long_reason_is_cut_to_its_end() -> None:
    reason = frames_for("block", "qa", "blocked", {"reason": "x" * 100_000 + "end"})[1]["reason"]
    assert (len(reason), reason[-3:]) == (LONGEST_REASON, "end")
