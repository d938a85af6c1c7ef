"""Stages survive JSON, and an invalid stage cannot be built."""

import json
from typing import Any

import pytest

from huskies_core.pipeline import stages
from huskies_core.pipeline.stages import (
    ACTIVE,
    NEEDS_PERSON,
    TERMINAL,
    Stage,
    StageName,
    from_json,
    reason_of,
    to_json,
)
from support.stage_examples import MERGE, STAGES


def test_there_is_an_example_of_every_stage() -> None:
    assert list(STAGES) == [name.value for name in StageName]


@pytest.mark.parametrize("stage", STAGES.values(), ids=list(STAGES))
def test_a_stage_survives_json(stage: Stage) -> None:
    assert from_json(json.loads(json.dumps(to_json(stage)))) == stage


def test_a_stage_within_a_stage_is_written_whole() -> None:
    nested = stages.Frozen(stages.Blocked("stuck", MERGE))
    assert to_json(nested) == {
        "stage": "frozen",
        "resume_to": {
            "stage": "blocked",
            "reason": "stuck",
            "resume_to": {"stage": "merge", "feature_branch": "feature/story-1", "commits_ahead": 2},
        },
    }


@pytest.mark.parametrize("kind", stages.MergeFailureKind)
def test_the_kind_of_a_merge_failure_survives_json(kind: stages.MergeFailureKind) -> None:
    again = from_json(json.loads(json.dumps(to_json(stages.MergeFailure(kind, "")))))
    assert isinstance(again, stages.MergeFailure)
    assert again.kind is kind


@pytest.mark.parametrize("commits", [0, -1])
def test_there_is_no_merge_without_commits(commits: int) -> None:
    with pytest.raises(ValueError, match="at least one commit"):
        stages.Merge("feature/story-1", commits)
    with pytest.raises(ValueError, match="at least one commit"):
        from_json({"stage": "merge", "feature_branch": "feature/story-1", "commits_ahead": commits})


@pytest.mark.parametrize(
    "written",
    [
        {},
        {"stage": "coding", "reason": "none is due"},
        {"stage": "merge"},
        {"stage": "merging"},
        {"stage": "frozen", "resume_to": {"stage": "lost"}},
        {"stage": "merge_failure", "kind": "bad luck", "detail": ""},
        {"stage": "archived", "archived_at": "", "reason": "tidied"},
    ],
)
def test_invalid_documents_are_refused(written: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        from_json(written)


def test_every_stage_is_of_one_kind() -> None:
    others = {StageName.BACKLOG, StageName.MERGE_FAILURE, StageName.FROZEN}
    kinds = [TERMINAL, ACTIVE, NEEDS_PERSON, others]
    assert (set().union(*kinds), sum(map(len, kinds))) == (set(StageName), len(StageName))


def test_each_stage_has_its_reason() -> None:
    assert {name: reason_of(stage) for name, stage in STAGES.items()} == {
        "backlog": "",
        "coding": "",
        "qa": "",
        "merge": "",
        "merge_failure": "conflict_detected: a.txt\nb.txt",
        "merge_failure_final": "gave up",
        "blocked": "branch exists",
        "review_hold": "look at it",
        "frozen": "was in blocked",
        "done": "",
        "archived": "completed",
        "abandoned": "no need",
        "superseded": "by 7",
    }
