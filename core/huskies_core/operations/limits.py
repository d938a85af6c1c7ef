"""What bounds the pipeline now: places taken, money spent, merges held or starving, agents throttled."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from huskies_core.clock import next_midnight
from huskies_core.passes.relay import Unreached, unreached
from huskies_core.pipeline.stages import StageName
from huskies_core.runs.rules import UNATTENDED, Rule, count_live
from huskies_core.scheduler.blockers import Blocker
from huskies_core.scheduler.explanation import is_starving
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import notifications, overview, runs, stories
from huskies_core.store.notifications import Notification
from huskies_core.store.overview import Finding
from huskies_core.store.pauses import Pause
from huskies_core.store.queue_holds import QueueHold
from huskies_core.store.rate_limits import Limit
from huskies_core.store.runs import RunKind
from huskies_core.store.stories import Story

FINDINGS_FOR = timedelta(days=1)


@dataclass(frozen=True)
class Places:
    """Live runs, of at most so many."""

    live: int
    most: int


@dataclass(frozen=True)
class Spent:
    """US dollars; `most` None is no bound. `until` is when counting begins anew, in the project's time zone."""

    usd: float
    most: float | None
    until: datetime

    @property
    def is_reached(self) -> bool:
        return self.most is not None and self.usd >= self.most


@dataclass(frozen=True)
class Throttled:
    """An agent that is not started again on a story before `until`."""

    agent: str | None
    story: int
    why: str
    until: datetime


@dataclass(frozen=True)
class Limits:
    """`accounts` are those at their limit, `gateway` is set while it cannot be reached. Of the last day are `untold`,
    the notifications that did not get to everybody, and `findings`, changes of the repository that were noticed while
    runs were live."""

    coders: Places
    gates: Places
    day: Spent
    over_budget: tuple[int, ...]
    holds: tuple[QueueHold, ...]
    starving: tuple[Story, ...]
    throttled: tuple[Throttled, ...]
    accounts: tuple[Limit, ...]
    pause: Pause | None
    gateway: Unreached | None
    untold: tuple[Notification, ...]
    findings: tuple[Finding, ...]


def limits_of(snapshot: Snapshot, held: Mapping[Story, Blocker]) -> Limits:
    """`held` is the first that holds each story back."""
    settings = snapshot.config.project
    queue = stories.in_stages(snapshot.db, {StageName.MERGE})
    return Limits(
        coders=Places(count_live(snapshot.live, RunKind.CODER), settings.max_coders),
        gates=Places(count_live(snapshot.live, *UNATTENDED), settings.max_gates),
        day=Spent(
            snapshot.spent_today(),
            settings.budget.per_day_usd,
            next_midnight(snapshot.now, settings.timezone),
        ),
        over_budget=tuple(_over_budget(snapshot, held)),
        holds=snapshot.queue_holds,
        starving=tuple(story for story in queue if is_starving(snapshot, story)),
        throttled=tuple(_throttled(snapshot, held)),
        accounts=snapshot.limits,
        pause=snapshot.pause,
        gateway=unreached(snapshot.context, snapshot.db),
        untold=notifications.undelivered_since(snapshot.db, snapshot.now - FINDINGS_FOR),
        findings=overview.findings_since(snapshot.db, snapshot.now - FINDINGS_FOR),
    )


def _over_budget(snapshot: Snapshot, held: Mapping[Story, Blocker]) -> Iterable[int]:
    most = snapshot.config.project.budget.per_story_usd
    for story, hold in held.items():
        if hold.rule is Rule.BUDGET_EXHAUSTED and most is not None and snapshot.spent_on(story.id) >= most:
            yield story.id


def _throttled(snapshot: Snapshot, held: Mapping[Story, Blocker]) -> Iterable[Throttled]:
    for story, hold in held.items():
        if hold.rule in (Rule.RATE_LIMITED, Rule.CRASH_WAIT) and hold.until is not None:
            had = runs.of_story(snapshot.db, story.id)
            yield Throttled(had[-1].agent if had else None, story.id, hold.rule, hold.until)
