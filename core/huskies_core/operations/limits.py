"""The limits of the pipeline: live runs, money spent, merges that wait, and agents that are throttled."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from huskies_core.clock import next_midnight
from huskies_core.ids import StoryId
from huskies_core.operations.pause import pause_json
from huskies_core.operations.record_json import pick
from huskies_core.passes.relay import Unreached, unreached
from huskies_core.pipeline.stages import StageName
from huskies_core.runs.rules import UNATTENDED, Rule, count_live
from huskies_core.scheduler.blockers import Blocker
from huskies_core.scheduler.explanation import is_starving
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import journal, notifications, runs, stories
from huskies_core.store.journal import RepositoryFinding
from huskies_core.store.notifications import Notification
from huskies_core.store.pauses import Pause
from huskies_core.store.queue_holds import QueueHold
from huskies_core.store.rate_limits import Limit
from huskies_core.store.runs import RunKind
from huskies_core.store.stories import Story

FINDINGS_FOR = timedelta(days=1)


class Places(Struct, frozen=True):
    """The number of live runs, and the limit for it."""

    live: int
    most: int

    @property
    def reached(self) -> bool:
        return self.live >= self.most


class Spent(Struct, frozen=True):
    """US dollars; `most_usd` is None without a limit. `until` is the next midnight in the project's time zone."""

    spent_usd: float
    most_usd: float | None
    until: datetime

    @property
    def reached(self) -> bool:
        return self.most_usd is not None and self.spent_usd >= self.most_usd


class Throttled(Struct, frozen=True):
    """An agent that does not start again on a story before `until`."""

    agent: str | None
    story: StoryId
    rule: str
    until: datetime


class LimitsReport(Struct, frozen=True):
    """The limits at one moment. `accounts` are at their limit; `gateway` is set while it cannot be reached.

    `undelivered` notifications and `findings`, which are changes of the repository during live runs, are those of the
    last day.
    """

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
    undelivered: tuple[Notification, ...]
    findings: tuple[RepositoryFinding, ...]


def limits_of(snapshot: Snapshot, blockers: Mapping[Story, Blocker]) -> LimitsReport:
    """Return the limits; `blockers` has the first blocker of each story."""
    settings = snapshot.config.project
    queue = stories.in_stages(snapshot.db, {StageName.MERGE})
    midnight, yesterday = next_midnight(snapshot.now, settings.timezone), snapshot.now - FINDINGS_FOR
    return LimitsReport(
        coders=Places(count_live(snapshot.live, RunKind.CODER), settings.max_coders),
        gates=Places(count_live(snapshot.live, *UNATTENDED), settings.max_gates),
        day=Spent(snapshot.spent_today(), settings.budget.per_day_usd, midnight),
        over_budget=tuple(_over_budget(snapshot, blockers)),
        holds=snapshot.queue_holds,
        starving=tuple(story for story in queue if is_starving(snapshot, story)),
        throttled=tuple(_throttled(snapshot, blockers)),
        accounts=snapshot.limits,
        pause=snapshot.pause,
        gateway=unreached(snapshot.context, snapshot.db),
        undelivered=notifications.undelivered_since(snapshot.db, yesterday),
        findings=journal.findings_since(snapshot.db, yesterday),
    )


def _over_budget(snapshot: Snapshot, blockers: Mapping[Story, Blocker]) -> Iterable[int]:
    most = snapshot.config.project.budget.per_story_usd
    for story, blocker in blockers.items():
        if blocker.rule is Rule.BUDGET_EXHAUSTED and most is not None and snapshot.spent_on(story.id) >= most:
            yield story.id


def _throttled(snapshot: Snapshot, blockers: Mapping[Story, Blocker]) -> Iterable[Throttled]:
    for story, blocker in blockers.items():
        if blocker.rule in (Rule.RATE_LIMITED, Rule.CRASH_WAIT) and blocker.until is not None:
            history = runs.of_story(snapshot.db, story.id)
            yield Throttled(history[-1].agent if history else None, story.id, blocker.rule, blocker.until)


def limits_json(limits: LimitsReport) -> dict[str, object]:
    return {
        "coders": pick(limits.coders, "live", "most", "reached"),
        "gates": pick(limits.gates, "live", "most", "reached"),
        "day": pick(limits.day, "spent_usd", "most_usd", "reached", "until"),
        "over_budget": list(limits.over_budget),
        "holds": [
            {"rule": hold.kind, "story": hold.story or None, "since": hold.since, "detail": dict(hold.detail)}
            for hold in limits.holds
        ],
        "starving": [{"story": story.id, "since": story.stage_entered_at} for story in limits.starving],
        "throttled": [pick(item, "agent", "story", "rule", "until") for item in limits.throttled],
        "accounts": [
            {
                "runtime": limit.account.runtime,
                "model": limit.account.model or None,
                **pick(limit, "until", "detail"),
            }
            for limit in limits.accounts
        ],
        "paused": pause_json(limits.pause),
        "gateway": limits.gateway and pick(limits.gateway, "failures", "why", "next_try", "waiting"),
        "undelivered": [
            {"notification": item.id, **pick(item, "at", "status"), "detail": item.problem}
            for item in limits.undelivered
        ],
        "repository_changed": [
            {**pick(finding, "at", "change"), "runs": list(finding.runs)} for finding in limits.findings
        ],
    }
