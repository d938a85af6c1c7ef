"""A snapshot of the pipeline, read once for a pass or for `explain`."""

from datetime import datetime
from functools import cached_property

from msgspec import Struct, field

from huskies_core.clock import midnight
from huskies_core.config.load import gates_of
from huskies_core.config.records import Agent, Config, Gate
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.ids import StoryId
from huskies_core.pipeline.stages import StageName
from huskies_core.project import Project
from huskies_core.runs.steps import definition_of
from huskies_core.scheduler.decisions import Decision, Policy
from huskies_core.scheduler.policy import decide
from huskies_core.store import gate_passes, pauses, queue_holds, rate_limits, runs, usage
from huskies_core.store.connection import Connection
from huskies_core.store.pauses import Pause
from huskies_core.store.queue_holds import QUEUE, QueueHold, QueueHoldKind
from huskies_core.store.rate_limits import Account, Limit
from huskies_core.store.runs import Run, RunClaim
from huskies_core.store.stories import Story
from huskies_core.supervisor.records import Progress
from huskies_core.supervisor.run_directory import RunDirectory

MOVING = frozenset({StageName.CODING, StageName.QA, StageName.MERGE, StageName.MERGE_FAILURE})
"""The stages in which a story can move on without a person."""


class Snapshot(Struct, dict=True):
    """The configuration, the gates, the live runs, the queue holds, the account limits and the pause at one moment.

    Its queries read stories from the store when they are needed.
    """

    db: Connection
    context: Context
    config: Config
    gates: tuple[Gate, ...]
    live: tuple[Run, ...]
    queue_holds: tuple[QueueHold, ...]
    limits: tuple[Limit, ...]
    pause: Pause | None
    now: datetime
    planned: tuple[RunClaim, ...] = ()
    """The runs that a pass has planned to start. Their agents and their slots count as taken."""
    _progress: dict[int, Progress | None] = field(default_factory=dict)

    @property
    def project(self) -> Project:
        return self.context.project

    @cached_property
    def policy(self) -> Policy:
        settings = self.config.project
        definition = definition_of(self.gates, settings.components)
        return Policy(settings, bool(self.gates), lambda tree: gate_passes.known(self.db, tree, definition))

    @property
    def starts(self) -> tuple[Run | RunClaim, ...]:
        """Return the live runs and the planned ones."""
        return (*self.live, *self.planned)

    def progress(self, run: Run) -> Progress | None:
        """Return the last progress that the run's supervisor wrote; None if it is missing or unreadable."""
        if run.id not in self._progress:
            try:
                self._progress[run.id] = RunDirectory(self.project.run_dir(run.id)).read_progress()
            except HuskiesError:
                self._progress[run.id] = None
        return self._progress[run.id]

    def live_run(self, story: StoryId) -> Run | None:
        return next((run for run in self.live if run.story == story), None)

    def decision(self, story: Story) -> Decision:
        """Return the decision for a story. Ignore its live run."""
        ended = [run for run in runs.of_story(self.db, story.id) if not run.is_live]
        return decide(story, ended, self.policy, self.now)

    def queue_holds_on(self, story: Story) -> list[QueueHold]:
        return [hold for hold in self.queue_holds if hold.story in (QUEUE, story.id)]

    def is_obsolete(self, hold: QueueHold) -> bool:
        """Return whether the base has moved or the user's changes no longer prevent the merge. This runs git."""
        from huskies_core.git.landing import find_base_dirt

        repo, branch = self.context.repository, self.context.base_branch
        tip = repo.branch_tip(branch)
        if tip != hold.detail.get("tip"):
            return True
        if hold.kind is QueueHoldKind.BASE_BROKEN:
            return False
        commit = str(hold.detail["commit"])
        # No ref keeps a commit that has not landed. If git gc removed it, the next merge makes another.
        if repo.commit_id(commit) is None:
            return True
        return find_base_dirt(repo, base_branch=branch, tip=str(tip), commit=commit) is None

    def limit_on(self, agent: Agent) -> Limit | None:
        """Return the limit in force for the agent's account, or None."""
        account = Account(agent.runtime, agent.model or "")
        return next((limit for limit in self.limits if limit.account == account), None)

    def spent_on(self, story: StoryId) -> float:
        return usage.spent_on_story(self.db, story)

    def spent_today(self) -> float:
        """Return the US dollars spent since midnight in the project's time zone."""
        return usage.spent_since(self.db, midnight(self.now, self.config.project.timezone))


def take_snapshot(context: Context, db: Connection) -> Snapshot:
    config, now = context.config, context.now()
    return Snapshot(
        db,
        context,
        config,
        gates_of(context.project, config.project),
        runs.live(db),
        queue_holds.everything(db),
        rate_limits.in_force(db, now),
        pauses.get(db),
        now,
    )
