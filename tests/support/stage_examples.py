"""One example of each stage and of each event, by name."""

from huskies_core.ids import StoryId
from huskies_core.pipeline import events, stages
from huskies_core.pipeline.events import Event
from huskies_core.pipeline.stages import ArchiveReason, MergeFailureKind, Stage

BRANCH = "feature/story-1"
MERGE = stages.Merge(BRANCH, 2)

STAGES: dict[str, Stage] = {
    stage.name.value: stage
    for stage in (
        stages.Backlog(),
        stages.Coding(),
        stages.Qa(),
        MERGE,
        stages.MergeFailure(MergeFailureKind.CONFLICT_DETECTED, "a.txt\nb.txt"),
        stages.MergeFailureFinal("gave up"),
        stages.Blocked("branch exists", MERGE),
        stages.ReviewHold("look at it"),
        stages.Frozen(stages.Blocked("stuck", MERGE)),
        stages.Done("2026-03-01T12:00:00.000Z", "c0ffee"),
        stages.Archived("2026-03-02T12:00:00.000Z", ArchiveReason.COMPLETED),
        stages.Abandoned("no need"),
        stages.Superseded(StoryId(7)),
    )
}

EVENTS: dict[str, Event] = {
    event.name: event
    for event in (
        events.Start(),
        events.DepsMet(),
        events.GatesFailed("1 test failed"),
        events.QaRequested(),
        events.QaSkipped(BRANCH, 3),
        events.ReviewHeld("a spike"),
        events.QaPassed(BRANCH, 3),
        events.QaRejected("no tests"),
        events.MergeSucceeded("beef", "2026-03-03T12:00:00.000Z"),
        events.MergeFailed(MergeFailureKind.GATES_FAILED, "2 tests failed"),
        events.MergeFailedFinal("three attempts"),
        events.ConflictResolved(BRANCH, 4),
        events.MergeRetried(BRANCH, 4),
        events.FixupRequested("2 tests failed"),
        events.RequeuedForQa(),
        events.Block("stuck"),
        events.Unblock(),
        events.Freeze(),
        events.Unfreeze(),
        events.Demote(),
        events.Accept("2026-03-04T12:00:00.000Z"),
        events.Close("a duplicate", "2026-03-04T12:00:00.000Z"),
        events.Abandon("too old"),
        events.Supersede(StoryId(9)),
        events.Reopen(),
    )
}
