"""Verdicts on a story's work. A person's verdict moves the story at once, an agent's verdict after its run."""

from dataclasses import dataclass, replace
from datetime import datetime

from huskies_core.clock import to_iso
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.operations.authorization import own_run
from huskies_core.operations.branch_work import no_commits, work_of
from huskies_core.operations.story_events import Moved, apply_decided, load_story, require_text
from huskies_core.pipeline.events import Close, ConflictResolved, Event, QaPassed, QaRejected
from huskies_core.pipeline.stages import MergeFailure, MergeFailureKind
from huskies_core.pipeline.state_machine import bounded, is_allowed
from huskies_core.store import content, journal, runs, stories
from huskies_core.store.connection import Connection
from huskies_core.store.runs import RunKind, Verdict
from huskies_core.store.stories import Story, StoryType


@dataclass(frozen=True)
class Reported:
    """An agent's verdict, recorded with its run; it takes effect when the run has ended."""

    story: int
    run: int
    verdict: Verdict


def approve(context: Context, story: int) -> Moved | Reported:
    """Move a story into the merge queue, or close a spike without commits.

    Raise HuskiesError `no_commits` for other stories without commits. From inside a QA run record its verdict; raise
    HuskiesError `unchecked_criteria` while a criterion is open.
    """
    if context.inside_run is not None:
        return _report(context, story, RunKind.QA, Verdict.APPROVED, "")
    current = load_story(context, story)
    moved = apply_decided(context, current, _approval(context, current))
    return replace(moved, open_criteria=current.draft.open_criteria)


def reject(context: Context, story: int, notes: str) -> Moved | Reported:
    """Send a story back to coding with `notes` for the next prompt, or block it if it has no retries left."""
    require_text("notes", notes)
    if context.inside_run is not None:
        return _report(context, story, RunKind.QA, Verdict.REJECTED, notes)
    limit = context.config.project.max_retries
    current = load_story(context, story)
    event = bounded(QaRejected(notes), retries=current.retries, max_retries=limit)
    if not is_allowed(QaRejected, current.stage):
        event = QaRejected(notes)

    def keep_notes(db: Connection, now: datetime) -> None:
        content.put(db, story, content.QA_NOTES, notes, now=now)

    return apply_decided(context, current, event, keep_notes)


def resolve(context: Context, story: int) -> Moved | Reported:
    """Move a story, after its conflict was resolved in its worktree, back into the merge queue.

    Raise HuskiesError `unresolved` with what is left to do.
    """
    if context.inside_run is not None:
        return _report_resolution(context, story)
    current = load_story(context, story)
    if (
        isinstance(current.stage, MergeFailure)
        and current.stage.kind is not MergeFailureKind.CONFLICT_DETECTED
    ):
        raise HuskiesError(
            f"story {story} has no conflict to resolve: its merge failed with {current.stage.kind.value}",
            hint=f"'huskies retry {story}' queues it again.",
            code="invalid_transition",
            subject=str(story),
        )
    return apply_decided(context, current, _resolution(context, current))


def _approval(context: Context, story: Story) -> Event:
    if not is_allowed(QaPassed, story.stage):
        return QaPassed("", 0)
    work = work_of(context, story.id)
    if work.commits:
        return QaPassed(work.branch, work.commits)
    if story.draft.type is StoryType.SPIKE:
        return Close("approved without changes", to_iso(context.now()))
    raise no_commits(story, work, "Reject it with --notes, or close it with --reason.")


def _resolution(context: Context, story: Story) -> Event:
    if not is_allowed(ConflictResolved, story.stage):
        return ConflictResolved("", 0)
    from huskies_core.git.resolution import check_resolution
    from huskies_core.runs.story_worktrees import base_tip

    problem = check_resolution(context.repository, story.id, base_tip=base_tip(context))
    if problem:
        raise HuskiesError(
            f"story {story.id} is not resolved: {problem}",
            hint=f"Merge the base branch into the worktree ('huskies worktree path {story.id}') and commit.",
            code="unresolved",
            subject=str(story.id),
        )
    work = work_of(context, story.id)
    if not work.commits:
        raise no_commits(story, work, "Demote it to begin again, or close it with --reason.")
    return ConflictResolved(work.branch, work.commits)


def _report_resolution(context: Context, story: int) -> Reported:
    """Record the verdict of a mergemaster, or raise `unresolved` while its agent can still fix the problem.

    Git is read before the store is locked.
    """
    from huskies_core.runs.branch_evidence import find_unresolved

    with context.store.reading() as db:
        run = own_run(context, db, story, RunKind.MERGEMASTER)
    assert run is not None
    problem = find_unresolved(context, run)
    if problem:
        hint = f"Fix that, commit it, and run 'huskies resolve {story}' again."
        fact = f"story {story} is not resolved: {problem}"
        raise HuskiesError(fact, hint=hint, code="unresolved", subject=str(story))
    return _report(context, story, RunKind.MERGEMASTER, Verdict.RESOLVED, "")


def _refuse_open(story: Story) -> None:
    """Raise HuskiesError `unchecked_criteria`: an agent that approves must have checked each criterion."""
    numbers = story.draft.open_criteria
    if not numbers:
        return
    checks = " ".join(f"--check {number}" for number in numbers)
    raise HuskiesError(
        f"story {story.id} has criteria that are not checked: {', '.join(map(str, numbers))}",
        hint=f"'huskies update {story.id} {checks}' for met criteria, or reject it with --notes.",
        code="unchecked_criteria",
        subject=str(story.id),
    )


def _report(context: Context, story: int, kind: RunKind, verdict: Verdict, notes: str) -> Reported:
    with context.store.exclusive() as db:
        run = own_run(context, db, story, kind)
        assert run is not None
        if verdict is Verdict.APPROVED:
            _refuse_open(stories.load(db, story))
        runs.record_verdict(db, run.id, verdict, notes)
        detail = {"run": run.id, "verdict": verdict.value, "notes": notes}
        journal.append(
            *(db, journal.JournalKind.RUN, "verdict_given"),
            actor=context.actor,
            now=context.now(),
            story=story,
            detail=detail,
        )
    return Reported(story, run.id, verdict)
