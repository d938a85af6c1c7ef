"""Runs recorded in a store without a supervisor."""

from datetime import datetime

from huskies_core.ids import RunId, StoryId
from huskies_core.store import runs, stories
from huskies_core.store.connection import Store
from huskies_core.store.evidence import Evidence
from huskies_core.store.runs import Outcome, Report, RunClaim, RunKind
from support.stories import NOW


def claim_run(
    store: Store,
    story: int,
    kind: RunKind = RunKind.CODER,
    agent: str | None = "ann",
    *,
    runtime: str | None = None,
    now: datetime = NOW,
) -> RunId:
    """Claim a run of the story's present visit and return its id."""
    with store.exclusive() as db:
        visit = stories.load(db, StoryId(story)).visit
        return runs.claim(db, RunClaim(StoryId(story), kind, visit, agent, runtime), actor="test", now=now).id


def end_run(
    store: Store, run: int, outcome: Outcome = Outcome.COMPLETED, *, now: datetime = NOW, **evidence: object
) -> None:
    """Record the end of a run."""
    report = Report(outcome, evidence=Evidence.from_json(evidence))
    with store.exclusive() as db:
        runs.end(db, RunId(run), report, actor="test", now=now)
