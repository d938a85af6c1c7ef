"""Judging a story's work: a person's word moves it, an agent's is kept until its run has ended."""

from dataclasses import dataclass, replace
from datetime import datetime

from huskies_core.clock import to_iso
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.operations.authorization import own_run
from huskies_core.operations.branch_work import no_commits, work_of
from huskies_core.operations.moves import Moved, fire_seen, said, seen_story
from huskies_core.pipeline.events import Close, ConflictResolved, Event, QaPassed, QaRejected
from huskies_core.pipeline.stages import FailureKind, MergeFailure
from huskies_core.pipeline.state_machine import bounded, is_allowed
from huskies_core.store import content, journal, runs, stories
from huskies_core.store.connection import Connection
from huskies_core.store.runs import RunKind, Verdict
from huskies_core.store.stories import Story, StoryType


@dataclass(frozen=True)
class Reported:
    """An agent's verdict, kept with its run: it is judged when the run has ended."""

    story: int
    run: int
    verdict: Verdict


def approve(context: Context, story: int) -> Moved | Reported:
    """Into the merge queue; a spike without commits is closed, others are refused (`no_commits`).

    From inside a QA run it is refused while a criterion is open (`unchecked_criteria`); a person knows what they do.
    """
    if context.inside_run is not None:
        return _report(context, story, RunKind.QA, Verdict.APPROVED, "")
    seen = seen_story(context, story)
    moved = fire_seen(context, seen, _approval(context, seen))
    return replace(moved, open_criteria=seen.draft.open_criteria)


def reject(context: Context, story: int, *, notes: str) -> Moved | Reported:
    """Back to coding with `notes` for the next prompt, or blocked when the story has spent its retries."""
    told = said("notes", notes)
    if context.inside_run is not None:
        return _report(context, story, RunKind.QA, Verdict.REJECTED, told)
    limit = context.config.project.max_retries
    seen = seen_story(context, story)
    event = bounded(QaRejected(told), retries=seen.retries, max_retries=limit)
    if not is_allowed(QaRejected, seen.stage):
        event = QaRejected(told)

    def keep_notes(db: Connection, now: datetime) -> None:
        content.put(db, story, content.QA_NOTES, told, now=now)

    return fire_seen(context, seen, event, keep_notes)


def resolve(context: Context, story: int) -> Moved | Reported:
    """The conflict is resolved in the story's worktree. Whoever says so is told at once when it is not.

    Raises HuskiesError `unresolved` with what is left to do.
    """
    if context.inside_run is not None:
        return _report_resolution(context, story)
    seen = seen_story(context, story)
    if isinstance(seen.stage, MergeFailure) and seen.stage.kind is not FailureKind.CONFLICT_DETECTED:
        raise HuskiesError(
            f"story {story} has no conflict to resolve: its merge failed with {seen.stage.kind.value}",
            hint=f"'huskies retry {story}' queues it again.",
            code="invalid_transition",
            subject=str(story),
        )
    return fire_seen(context, seen, _resolution(context, seen))


def _approval(context: Context, seen: Story) -> Event:
    if not is_allowed(QaPassed, seen.stage):
        return QaPassed("", 0)
    work = work_of(context, seen.id)
    if work.commits:
        return QaPassed(work.branch, work.commits)
    if seen.draft.type is StoryType.SPIKE:
        return Close("approved without changes", to_iso(context.now()))
    raise no_commits(seen, work, "Reject it with --notes, or close it with --reason.")


def _resolution(context: Context, seen: Story) -> Event:
    if not is_allowed(ConflictResolved, seen.stage):
        return ConflictResolved("", 0)
    from huskies_core.git.resolution import check_resolution
    from huskies_core.runs.story_worktrees import base_tip

    problem = check_resolution(context.repository, seen.id, base_tip=base_tip(context))
    if problem:
        raise HuskiesError(
            f"story {seen.id} is not resolved: {problem}",
            hint=f"Merge the base branch into the worktree ('huskies worktree path {seen.id}') and commit.",
            code="unresolved",
            subject=str(seen.id),
        )
    work = work_of(context, seen.id)
    if not work.commits:
        raise no_commits(seen, work, "Demote it to begin again, or close it with --reason.")
    return ConflictResolved(work.branch, work.commits)


def _report_resolution(context: Context, story: int) -> Reported:
    """What is wrong the agent is told while it can still mend it. Git is asked before the store is locked."""
    from huskies_core.runs.branch_evidence import find_unresolved

    with context.store.reading() as db:
        run = own_run(context, db, story, RunKind.MERGEMASTER)
    assert run is not None
    problem = find_unresolved(context, run)
    if problem:
        hint = f"Mend that, commit it, and run 'huskies resolve {story}' again."
        fact = f"story {story} is not resolved: {problem}"
        raise HuskiesError(fact, hint=hint, code="unresolved", subject=str(story))
    return _report(context, story, RunKind.MERGEMASTER, Verdict.RESOLVED, "")


def _refuse_open(story: Story) -> None:
    """An agent's approval says that each criterion holds: it has to have said so of each."""
    numbers = story.draft.open_criteria
    if not numbers:
        return
    checks = " ".join(f"--check {number}" for number in numbers)
    raise HuskiesError(
        f"story {story.id} has criteria that are not checked: {', '.join(map(str, numbers))}",
        hint=f"'huskies update {story.id} {checks}' for those that hold, or reject it with --notes.",
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
            *(db, journal.Kind.RUN, "verdict_given"),
            actor=context.actor,
            now=context.now(),
            story=story,
            detail=detail,
        )
    return Reported(story, run.id, verdict)
