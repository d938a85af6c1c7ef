"""What the pipeline looks like at one moment: read once, then asked by assignment, by passes and by `explain`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from huskies_core.clock import midnight
from huskies_core.config.load import gates_of
from huskies_core.config.records import Agent, Config, Gate
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.pipeline.stages import Stage, StageName, Superseded
from huskies_core.project import Project
from huskies_core.runs.steps import definition_of
from huskies_core.scheduler.decisions import Decision, Rules, decide
from huskies_core.store import gate_passes, pauses, queue_holds, rate_limits, runs, stories, usage
from huskies_core.store.connection import Connection
from huskies_core.store.pauses import Pause
from huskies_core.store.queue_holds import QueueHold, QueueHoldKind
from huskies_core.store.rate_limits import Account, Limit
from huskies_core.store.runs import Run, RunKind
from huskies_core.store.stories import QaMode, Story
from huskies_core.supervisor.records import Progress
from huskies_core.supervisor.run_directory import RunDirectory

MOVING = frozenset({StageName.CODING, StageName.QA, StageName.MERGE, StageName.MERGE_FAILURE})
"""The stages in which a run or an event follows without a person."""


@dataclass
class Snapshot:
    """The config, the gates in force, the live runs, what holds merges, which accounts are at their limit and whether
    starting is paused; stories are asked of the store."""

    db: Connection
    context: Context
    config: Config
    gates: tuple[Gate, ...]
    live: tuple[Run, ...]
    holds: tuple[QueueHold, ...]
    limits: tuple[Limit, ...]
    pause: Pause | None
    now: datetime
    _progress: dict[int, Progress | None] = field(default_factory=dict, repr=False)

    @property
    def project(self) -> Project:
        return self.context.project

    @cached_property
    def rules(self) -> Rules:
        settings = self.config.project
        definition = definition_of(self.gates, settings.components)
        return Rules(
            default_qa=QaMode(settings.default_qa.value),
            max_retries=settings.max_retries,
            mergemaster_attempts=settings.merge.mergemaster_attempts,
            has_gates=bool(self.gates),
            passed=lambda tree: gate_passes.known(self.db, tree, definition),
        )

    def progress(self, run: Run) -> Progress | None:
        """What the supervisor of a run tells, read once for all who ask; None while that is nothing, or cannot be
        read: nobody is judged by one bad reading."""
        if run.id not in self._progress:
            try:
                self._progress[run.id] = RunDirectory(self.project.run_dir(run.id)).read_progress()
            except HuskiesError:
                self._progress[run.id] = None
        return self._progress[run.id]

    def live_run(self, story: int) -> Run | None:
        return next((run for run in self.live if run.story == story), None)

    def count_live(self, *kinds: RunKind) -> int:
        return sum(run.kind in kinds for run in self.live)

    def decision(self, story: Story) -> Decision:
        """What follows for a story once its live run, if it has one, is over."""
        ended = [run for run in runs.of_story(self.db, story.id) if not run.is_live]
        return decide(story, ended, self.rules, self.now)

    def unmet(self, story: Story) -> Mapping[int, Stage]:
        """The dependencies that are not met, with the stage each stands in."""
        found = stories.stages_of(self.db, story.draft.depends_on)
        return {number: stage for number, stage in found.items() if not self._is_met(number, stage)}

    def is_over(self, hold: QueueHold) -> bool:
        """Whether the base has moved, or the user's edits are out of the way. Asks git."""
        from huskies_core.git.landing import base_dirt

        repo, branch = self.context.repository, self.context.base_branch
        tip = repo.branch_tip(branch)
        if tip != hold.detail.get("tip"):
            return True
        if hold.kind is QueueHoldKind.BASE_BROKEN:
            return False
        commit = str(hold.detail["commit"])
        # Nothing leads to a commit that has not landed: a clean-up may have taken it, and the next merge makes another.
        if repo.commit_id(commit) is None:
            return True
        return base_dirt(repo, base_branch=branch, tip=str(tip), commit=commit) is None

    def limit_on(self, agent: Agent) -> Limit | None:
        """The limit that keeps an agent's account from being used now."""
        account = Account(agent.runtime, agent.model or "")
        return next((limit for limit in self.limits if limit.account == account), None)

    def spent_on(self, story: int) -> float:
        return usage.spent_on_story(self.db, story)

    def spent_today(self) -> float:
        """US dollars since midnight in the project's time zone."""
        return usage.spent_since(self.db, midnight(self.now, self.config.project.timezone))

    def _is_met(self, number: int, stage: Stage) -> bool:
        end = stories.heir_of(self.db, number).stage if isinstance(stage, Superseded) else stage
        return end.name in (StageName.DONE, StageName.ARCHIVED)


def take_snapshot(context: Context, db: Connection) -> Snapshot:
    """Reads what every question needs; the rest is read when it is asked."""
    config = context.config
    gates = gates_of(context.project, config.project)
    now = context.now()
    held, limits = queue_holds.everything(db), rate_limits.in_force(db, now)
    return Snapshot(db, context, config, gates, runs.live(db), held, limits, pauses.get(db), now)
