"""Stories and ended runs as values, for the tests of decisions."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from huskies_core.clock import to_iso
from huskies_core.config.records import ProjectConfig
from huskies_core.ids import RunId, Seq, StoryId
from huskies_core.pipeline.stages import Stage
from huskies_core.scheduler.decisions import Decision, Policy
from huskies_core.scheduler.policy import decide
from huskies_core.store.evidence import Evidence
from huskies_core.store.runs import Outcome, Run, RunKind, RunStatus
from huskies_core.store.stories import Story, StoryDraft
from support.stories import DRAFT, NOW

WORK: Mapping[str, Any] = {
    "branch": "feature/story-1",
    "head": "c0ffee",
    "tree": "7ee",
    "commits_ahead": 2,
    "has_diff": True,
    "dirty": False,
    "fingerprint": "f1",
}
NO_WORK: Mapping[str, Any] = {**WORK, "commits_ahead": 0, "has_diff": False}
POLICY = Policy(ProjectConfig(), has_gates=True, passed=lambda _: False)
VISIT = 10


def story_in(stage: Stage, draft: StoryDraft = DRAFT, **fields: Any) -> Story:
    at = to_iso(NOW - timedelta(hours=1))
    story = Story(StoryId(1), draft, stage, Seq(VISIT), "start", None, Seq(1), at, at, 0, at, at)
    return replace(story, **fields)


def ended(
    kind: RunKind,
    outcome: Outcome = Outcome.COMPLETED,
    evidence: Mapping[str, Any] = WORK,
    **fields: Any,
) -> Run:
    """Return a run of this visit that ended at NOW."""
    run = Run(
        id=RunId(1),
        story=StoryId(1),
        kind=kind,
        agent=None,
        runtime=None,
        model=None,
        visit=Seq(VISIT),
        seq=Seq(11),
        status=RunStatus.ENDED,
        outcome=outcome,
        detail="",
        verdict=None,
        notes="",
        evidence=Evidence.from_json(evidence),
        landing=None,
        started_at=to_iso(NOW),
        ended_at=to_iso(NOW),
        turns=0,
        tool_turns=0,
        cost_usd=0.0,
    )
    return replace(run, **fields)


def decided(story: Story, *history: Run, policy: Policy = POLICY, now: datetime = NOW) -> Decision:
    """Return the decision for `story` after these runs, which are numbered in order."""
    numbered = [replace(run, id=RunId(number)) for number, run in enumerate(history, 1)]
    return decide(story, numbered, policy, now)
