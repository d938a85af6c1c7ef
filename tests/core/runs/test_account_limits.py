"""The end of a run blocks or unblocks the account of its agent."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from huskies_core.ids import StoryId
from huskies_core.pipeline.stages import Coding
from huskies_core.project import Project
from huskies_core.runs.account_limits import note_end
from huskies_core.runtimes.runtime import RateLimit
from huskies_core.store import rate_limits, runs, stories, timers
from huskies_core.store.connection import Store, create
from huskies_core.store.evidence import Evidence, LimitReset
from huskies_core.store.runs import Outcome, Report, Run, RunClaim, RunKind
from huskies_core.supervisor.records import Progress
from support.stories import NOW, import_story

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    root = tmp_path.resolve()
    (root / ".huskies").mkdir()
    project = Project(root, root / ".git")
    create(project)
    with Store(project) as opened:
        yield opened


def progress(wait: timedelta | None = None, *, is_hard: bool = True, turns: int = 0) -> Progress:
    """Return the progress of a run at a rate limit that lasts for `wait` from NOW."""
    until = None if wait is None else (NOW + wait).timestamp()
    return Progress("ann", turns=turns, rate_limit=RateLimit(is_hard, until, "five hour limit"))


ANSWERED = Progress("ann", turns=3)
SILENT = Progress("ann")


def begin(store: Store, story: int, kind: RunKind = RunKind.CODER, *, at: datetime = NOW) -> Run:
    """Claim a run of the shared account by its own agent."""
    import_story(store, Coding(), number=StoryId(story))
    with store.exclusive() as db:
        new_run = RunClaim(
            StoryId(story),
            kind,
            stories.load(db, StoryId(story)).visit,
            f"agent-{story}",
            "claude-code",
            "opus",
        )
        return runs.claim(db, new_run, actor="test", now=at)


def end(store: Store, run: Run, outcome: Outcome, progress_at_end: Progress, *, at: datetime = NOW) -> None:
    with store.exclusive() as db:
        reset = note_end(db, run, outcome, progress_at_end, at)
        runs.end(db, run.id, Report(outcome, evidence=Evidence(limit_reset=reset)), actor="test", now=at)


def blocked_until(store: Store, now: datetime = NOW) -> list[datetime]:
    with store.reading() as db:
        return [limit.until for limit in rate_limits.in_force(db, now)]


def waits(store: Store) -> Sequence[tuple[int | None, datetime]]:
    """Return the stories with an armed timer, and its time."""
    with store.reading() as db:
        return [(timer.story, timer.fire_at) for timer in timers.everything(db)]


@pytest.mark.parametrize("outcome", [item for item in Outcome if item is not Outcome.COMPLETED])
def test_a_run_that_waits_for_a_named_reset_blocks_its_account_whatever_its_outcome(
    store: Store, outcome: Outcome
) -> None:
    end(store, begin(store, 1), outcome, progress(HOUR))
    assert blocked_until(store) == [NOW + HOUR]


@pytest.mark.parametrize("outcome", [Outcome.CRASHED, Outcome.STOPPED, Outcome.LIMIT])
def test_an_interrupted_run_without_a_reset_time_blocks_no_account(store: Store, outcome: Outcome) -> None:
    end(store, begin(store, 1), outcome, progress())
    assert blocked_until(store) == []


@pytest.mark.parametrize(
    ("outcome", "progress_at_end", "is_blocked"),
    [
        (Outcome.COMPLETED, ANSWERED, False),
        (Outcome.COMPLETED, SILENT, False),
        (Outcome.FAILED, ANSWERED, False),
        (Outcome.LIMIT, ANSWERED, False),
        (Outcome.COMPLETED, progress(HOUR, is_hard=False), False),
        (Outcome.FAILED, SILENT, True),
        (Outcome.LIMIT, SILENT, True),
        (Outcome.CRASHED, ANSWERED, True),
        (Outcome.STOPPED, ANSWERED, True),
    ],
)
def test_only_a_run_in_which_the_model_responded_unblocks_its_account(
    store: Store, outcome: Outcome, progress_at_end: Progress, *, is_blocked: bool
) -> None:
    """In a failed setup, and if the program cannot start, the model is never called."""
    end(store, begin(store, 1), Outcome.RATE_LIMITED, progress(5 * HOUR))
    end(store, begin(store, 2, at=NOW + MINUTE), outcome, progress_at_end, at=NOW + 2 * MINUTE)
    assert bool(blocked_until(store)) is is_blocked


def test_a_response_to_a_run_from_before_the_limit_does_not_end_it(store: Store) -> None:
    older = begin(store, 1)
    end(store, begin(store, 2), Outcome.RATE_LIMITED, progress(5 * HOUR), at=NOW + MINUTE)
    end(store, older, Outcome.COMPLETED, ANSWERED, at=NOW + 2 * MINUTE)
    assert blocked_until(store) == [NOW + 5 * HOUR]


def test_a_run_from_before_a_second_limit_does_not_unblock_the_account(store: Store) -> None:
    end(store, begin(store, 1), Outcome.RATE_LIMITED, progress())
    between, again = (begin(store, number, at=NOW + 2 * MINUTE) for number in (2, 3))
    end(store, again, Outcome.RATE_LIMITED, progress(5 * HOUR), at=NOW + 3 * MINUTE)
    end(store, between, Outcome.COMPLETED, ANSWERED, at=NOW + 4 * MINUTE)
    assert blocked_until(store) == [NOW + 5 * HOUR]


def test_a_response_after_the_end_of_the_limit_counts_whenever_the_run_began(store: Store) -> None:
    older = begin(store, 1)
    end(store, begin(store, 2), Outcome.RATE_LIMITED, progress(), at=NOW + MINUTE)
    end(store, older, Outcome.COMPLETED, ANSWERED, at=NOW + HOUR)
    with store.reading() as db:
        assert rate_limits.everything(db) == ()


def test_all_stories_that_wait_for_an_account_wait_for_its_latest_reset(store: Store) -> None:
    for story, wait in ((1, HOUR), (2, 5 * HOUR), (3, 2 * HOUR)):
        end(store, begin(store, story), Outcome.RATE_LIMITED, progress(wait))
    assert waits(store) == [(story, NOW + 5 * HOUR) for story in (1, 2, 3)]


def test_stories_that_wait_for_another_account_are_not_postponed(store: Store) -> None:
    other = replace(begin(store, 1), model="sonnet")
    with store.exclusive() as db:
        db.execute("UPDATE runs SET model = 'sonnet' WHERE id = ?", (other.id,))
    end(store, other, Outcome.RATE_LIMITED, progress(HOUR))
    end(store, begin(store, 2), Outcome.RATE_LIMITED, progress(5 * HOUR))
    assert waits(store) == [(1, NOW + HOUR), (2, NOW + 5 * HOUR)]


def test_a_run_that_is_not_repeated_sets_no_timer(store: Store) -> None:
    """A person starts runs of stage other: the account is blocked, but the story gets no timer."""
    end(store, begin(store, 1, RunKind.OTHER), Outcome.RATE_LIMITED, progress(HOUR))
    assert (blocked_until(store), waits(store)) == ([NOW + HOUR], [])


def test_the_reset_records_whether_its_time_was_named(store: Store) -> None:
    begun = [(begin(store, 1), progress()), (begin(store, 2), progress(HOUR))]
    with store.exclusive() as db:
        resets = [
            note_end(db, run, Outcome.RATE_LIMITED, progress_at_end, NOW) for run, progress_at_end in begun
        ]
    assert resets == [LimitReset(NOW + MINUTE, is_named=False), LimitReset(NOW + HOUR, is_named=True)]
