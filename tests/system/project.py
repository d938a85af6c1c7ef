"""A project for the system tests: repository, gates, scripted agents, and a shell that ticks."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from huskies_cli.project_context import open_context
from huskies_core.context import Context
from huskies_core.ids import Seq, StoryId
from huskies_core.operations.stories import create
from huskies_core.pipeline.stages import StageName
from huskies_core.project import Project, find_project
from huskies_core.store import journal, runs, stories
from huskies_core.store.journal import JournalEntry
from huskies_core.store.runs import Run, RunKind
from huskies_core.store.stories import Criterion, Story, StoryDraft
from huskies_core.supervisor.kill import kill_run
from huskies_core.supervisor.run_directory import RunDirectory, is_alive
from support.cli import HUSKIES, Finished, run_huskies
from support.git_repository import GitRepository
from support.in_process import run_in_process
from support.waiting import wait_until

T = TypeVar("T")

STORY_AGENT = Path(__file__).with_name("story_agent.py")
WORK = ("write=story-$HUSKIES_STORY_ID.txt:done", "commit=work")
"""The steps of a coder for a story without a script."""
RESOLUTION = (
    "run=git merge --quiet --no-edit $HUSKIES_BASE_BRANCH",
    "run=git checkout --quiet --theirs .",
    "write=resolved-$HUSKIES_STORY_ID.txt:both",
    "run=git add --all",
    "run=git commit --quiet --message resolve",
    "run=huskies resolve $HUSKIES_STORY_ID",
)
APPROVAL = ("run=huskies update $HUSKIES_STORY_ID --check 1", "run=huskies approve $HUSKIES_STORY_ID")
NO_BROKEN_FILE = ("sh", "-c", "! grep -l BROKEN *.txt")
"""A gate: no text file says BROKEN."""
STORY = StoryDraft("A story", criteria=(Criterion("it works"),))
MOST_TICKS = 2000
STUCK = {StageName.BLOCKED, StageName.MERGE_FAILURE_FINAL, StageName.REVIEW_HOLD}
"""Stages that only a person ends."""


@dataclass(frozen=True)
class Team:
    """The number of agents of each stage, named coder-1, coder-2, qa-1...; `extra` is TOML for each agent."""

    coder: int = 1
    qa: int = 0
    mergemaster: int = 0
    extra: str = ""


ONE_CODER = Team()


class Pipeline:
    """A project in a repository with one commit. `scripts` contains the steps of its agents by kind and story."""

    def __init__(
        self,
        repository: GitRepository,
        scripts: Path,
        *,
        team: Team = ONE_CODER,
        settings: str = "",
        gates: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.repository, self.root, self.scripts = repository, repository.root, scripts
        for kind, steps in (("coder", WORK), ("qa", APPROVAL), ("mergemaster", RESOLUTION)):
            self._write_scripts(kind, steps)
        assert self.call("init", "--quiet").exit_code == 0
        self.project: Project = find_project(self.root)
        self.write_config(settings, {"no-broken-file": NO_BROKEN_FILE} if gates is None else gates)
        self.project.agents_toml.write_text("\n".join(self._agents(team)))
        repository.commit_all("set up huskies")

    def write_config(self, settings: str, gates: Mapping[str, Sequence[str]]) -> None:
        tables = (
            f'[[gate]]\nname = "{name}"\ncommand = {json.dumps(argv)}\n' for name, argv in gates.items()
        )
        self.project.project_toml.write_text("\n".join([settings, *tables]))

    def _agents(self, team: Team) -> Iterator[str]:
        command = json.dumps([sys.executable, "-S", str(STORY_AGENT), str(self.scripts)])
        for stage, most in (("coder", team.coder), ("qa", team.qa), ("mergemaster", team.mergemaster)):
            for number in range(1, most + 1):
                name = f'name = "{stage}-{number}"\nstage = "{stage}"'
                yield f'[[agent]]\n{name}\nruntime = "command"\ncommand = {command}\n{team.extra}\n'

    def script(self, story: int, *attempts: Sequence[str], kind: str = "coder") -> None:
        """Set the steps of the first, second... run of a kind for `story`; later runs repeat the last."""
        self._write_scripts(f"{kind}-{story}", *attempts)

    def _write_scripts(self, name: str, *attempts: Sequence[str]) -> None:
        folder = self.scripts / name
        folder.mkdir(parents=True)
        for number, steps in enumerate(attempts, start=1):
            (folder / f"{number}.json").write_text(json.dumps(list(steps)))

    def add(
        self,
        *attempts: Sequence[str],
        depends_on: Sequence[StoryId] = (),
        start: bool = True,
        draft: StoryDraft = STORY,
    ) -> StoryId:
        """Add a story whose coders follow `attempts`. A story with dependencies starts later without a command."""
        story_draft = replace(draft, depends_on=tuple(depends_on))
        with self.opened() as context:
            story = create(context, story_draft, start=start and not depends_on).id
            if attempts:
                self.script(story, *attempts)
        return story

    def huskies(
        self, *args: str | Path, env: Mapping[str, str] | None = None, timeout: float = 100
    ) -> Finished:
        return run_huskies(*args, cwd=self.root, env=env, timeout=timeout)

    def call(self, *args: str | Path) -> Finished:
        """Run the program in this process: for what a test only prepares or looks at."""
        return run_in_process(*args, cwd=self.root, env=dict(os.environ))

    @contextmanager
    def opened(self) -> Iterator[Context]:
        with open_context(self.root, actor="user:test") as context:
            yield context

    @contextmanager
    def ticking(self, *, every: float = 0.3) -> Iterator[Path]:
        """Run `huskies tick` in a shell loop for the block. Yield the file with the output of the ticks."""
        stop, output = self.scripts / "stop-ticking", self.scripts / "ticks.log"
        stop.unlink(missing_ok=True)
        loop = f'n=0; while [ ! -e "$1" ] && [ $n -lt {MOST_TICKS} ]; do "$0" tick; n=$((n+1)); sleep {every}; done'
        with output.open("ab") as log:
            shell = subprocess.Popen(
                ["sh", "-c", loop, HUSKIES, stop],
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            yield output
        finally:
            stop.touch()
            shell.wait(60)

    def wait_for(self, *numbers: int, stage: StageName = StageName.DONE, timeout: float = 100) -> None:
        """Wait until the stories are in `stage`. Fail at once if a story is stuck in another stage."""

        def arrived() -> bool:
            stages = {self.story(number).stage.name for number in numbers}
            assert not stages & (STUCK - {stage}), f"stuck: {stages}\n{self.report()}"
            return stages == {stage}

        self.wait_until(arrived, timeout, what=f"{numbers} in {stage.value}")

    def wait_until_idle(self, timeout: float = 60) -> None:
        """Wait until no run is live in the records, and no lock of a run is taken."""
        self.wait_until(lambda: not self.live_runs() and not self.locked_runs(), timeout, what="nothing live")

    def wait_until_live(self, story: int, kind: RunKind = RunKind.CODER, timeout: float = 60) -> Run:
        """Wait for a live run of the story and return it."""

        def live_run() -> Run | None:
            return next((run for run in self.live_runs() if (run.story, run.kind) == (story, kind)), None)

        run = self.wait_until(live_run, timeout, what=f"a {kind.value} run of story {story}")
        assert run is not None
        return run

    def wait_until(
        self, condition: Callable[[], T], timeout: float = 60, *, what: str = "", every: float = 0.01
    ) -> T:
        """Wait like `support.waiting.wait_until`. A timeout raises an error with the journal and the logs."""
        try:
            return wait_until(condition, timeout, what=what, every=every)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.report()}") from None

    def story(self, number: int) -> Story:
        with self.opened() as context, context.store.reading() as db:
            return stories.load(db, StoryId(number))

    def stages(self) -> dict[int, StageName]:
        with self.opened() as context, context.store.reading() as db:
            return {story.id: story.stage.name for story in stories.in_stages(db, set(StageName))}

    def runs(self, story: int | None = None) -> tuple[Run, ...]:
        """Return all runs, or those of a story, oldest first."""
        with self.opened() as context, context.store.reading() as db:
            return runs.recent(db, 10_000) if story is None else runs.of_story(db, StoryId(story))

    def live_runs(self) -> tuple[Run, ...]:
        with self.opened() as context, context.store.reading() as db:
            return runs.live(db)

    def journal(self, story: StoryId | None = None) -> tuple[JournalEntry, ...]:
        with self.opened() as context, context.store.reading() as db:
            return journal.entries_after(db, Seq(0), story=story, limit=100_000)

    def directory(self, run: int) -> RunDirectory:
        return RunDirectory(self.project.run_dir(run))

    def locked_runs(self) -> list[int]:
        """Return the runs with a locked lock file, which can differ from the records."""
        folders = sorted(self.project.runs_dir.glob("*"))
        return [int(folder.name) for folder in folders if is_alive(RunDirectory(folder))]

    def report(self) -> str:
        """Return the journal and the ends of all logs, for a failed test."""
        rows = (
            f"{entry.seq} {entry.at} {entry.story} {entry.event} {entry.after or ''} {entry.detail}"
            for entry in self.journal()
        )
        logs = [*self.project.runs_dir.glob("*/*.log"), *self.scripts.glob("*.log")]
        ends = (
            f"--- {log}\n{log.read_text(errors='replace')[-1000:]}"
            for log in sorted(logs)
            if log.stat().st_size
        )
        return "\n".join([*rows, *ends])

    def stop(self) -> None:
        """End all runs. A broken configuration prevents new ones."""
        self.project.project_toml.write_text("[stopped")
        self.wait_until(self._end_runs, 30, what="the end of all runs")

    def _end_runs(self) -> bool:
        locked = self.locked_runs()
        for run in locked:
            kill_run(self.directory(run), {"outcome": "stopped"})
        return not locked


MakePipeline = Callable[..., Pipeline]
"""The type of the fixture that makes the project of a test, with the arguments of `Pipeline`."""
