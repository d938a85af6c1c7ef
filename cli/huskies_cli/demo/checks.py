"""The demo's promises, each with a check against the store, the run directories and git, and the summary."""

import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from huskies_cli import render
from huskies_cli.demo.agents import DemoPrompt, read_prompt
from huskies_cli.demo.fixture import BASE, GATE, HEAVIEST, LEAD, RATION, READ, STORIES, WEIGH, YOUNGEST
from huskies_cli.demo.run_demo import supervisors
from huskies_cli.render import Cell, Mark
from huskies_core.context import Context
from huskies_core.ids import JOURNAL_START, StoryId
from huskies_core.pipeline.stages import Done
from huskies_core.store import journal, runs, stories
from huskies_core.store.journal import JournalEntry
from huskies_core.store.runs import Run, RunKind, Verdict
from huskies_core.store.stories import Story
from huskies_core.supervisor.run_directory import RunDirectory

_WHERE_TO_LOOK = """\
The repository stays. To look further:
  cd {root}
  huskies status            # the board
  huskies history 4         # the events of a story and their actors
  huskies logs 3            # the output of its last run
  git log --stat            # one commit for each story
  cat .huskies/agents.toml  # the agents"""
"""Each command is one line that can be copied."""


class PromiseCheck(Struct, frozen=True):
    """A promise, and the problem with it: empty if it was kept."""

    promise: str
    problem: str

    @property
    def is_kept(self) -> bool:
        return not self.problem


class Record(Struct, frozen=True):
    """The state of the demo after its end. `landed` maps each story to its commits on the base branch, oldest first."""

    context: Context
    stories: Mapping[StoryId, Story]
    runs: tuple[Run, ...]
    transitions: tuple[JournalEntry, ...]
    landed: Mapping[StoryId, list[str]]

    def seqs(self, event: str, *ids: int) -> list[int]:
        """Return the positions in the journal of an event of those stories."""
        return [entry.seq for entry in self.transitions if entry.event == event and entry.story in ids]

    def runs_of(self, kind: RunKind, *ids: int) -> list[Run]:
        return [run for run in self.runs if run.kind is kind and run.story in ids]

    def prompts(self, story: StoryId) -> list[DemoPrompt]:
        """Return the prompts of the coders of a story."""
        directories = [self.context.project.run_dir(run.id) for run in self.runs_of(RunKind.CODER, story)]
        paths = [Path(RunDirectory(directory).prompt) for directory in directories]
        return [read_prompt(path.read_text(encoding="utf-8")) for path in paths]


def read_record(context: Context) -> Record:
    form = "--format=%H %(trailers:key=Story-Id,valueonly,separator=%x2C)"
    landed: dict[StoryId, list[str]] = {story: [] for story in STORIES}
    for line in context.repository.git("log", "--reverse", form, BASE).splitlines():
        commit, _, story = line.partition(" ")
        if story:
            landed[StoryId(int(story))].append(commit)
    with context.store.reading() as db:
        loaded = {story: stories.load(db, story) for story in STORIES}
        return Record(context, loaded, runs.recent(db), journal.transitions_after(db, JOURNAL_START), landed)


def _check_landed(record: Record) -> str:
    for story in record.stories.values():
        if not isinstance(story.stage, Done):
            return f"#{story.id} is in {story.stage.name.value}"
        if record.landed[story.id] != [story.stage.merge_commit]:
            return f"#{story.id} has {len(record.landed[story.id])} commits on {BASE}"
    return ""


def _check_dependency(record: Record) -> str:
    merged, began = record.seqs("merge_succeeded", READ), record.seqs("deps_met", WEIGH)
    is_kept = len(began) == 1 and merged and merged[0] < began[0]
    return "" if is_kept else f"#{WEIGH} began before #{READ} was merged"


def _check_gate(record: Record) -> str:
    failures, prompts = record.seqs("gates_failed", RATION), record.prompts(RATION)
    if (len(failures), len(prompts)) != (1, 2):
        return f"{len(failures)} failed gates, {len(prompts)} coder runs"
    if prompts[0].gate_output or "no docstring" not in prompts[1].gate_output:
        return "the second prompt does not contain the output of the gate"
    return ""


def _check_qa(record: Record) -> str:
    reviews, prompts = record.runs_of(RunKind.QA, LEAD), record.prompts(LEAD)
    verdicts = [run.verdict for run in reviews]
    if verdicts != [Verdict.REJECTED, Verdict.APPROVED] or len(prompts) != 2:
        return f"{len(reviews)} QA runs, {len(prompts)} coder runs"
    if prompts[0].qa_notes or prompts[1].qa_notes != reviews[0].notes:
        return "the second prompt does not contain the notes of QA"
    return ""


def _check_conflict(record: Record) -> str:
    pair = (HEAVIEST, YOUNGEST)
    failed, resolved = record.seqs("merge_failed", *pair), record.seqs("conflict_resolved", *pair)
    verdicts = [run.verdict for run in record.runs_of(RunKind.MERGEMASTER, *pair)]
    if len(failed) != 1 or len(resolved) != 1 or verdicts != [Verdict.RESOLVED]:
        return f"{len(failed)} conflicts, {len(verdicts)} mergemaster runs, {len(resolved)} resolved"
    return ""


def _check_checkout(record: Record) -> str:
    repo = record.context.repository
    if repo.git("status", "--porcelain") or repo.checked_out_branch() != BASE:
        return f"the checkout has changes or is not on {BASE}"
    done = subprocess.run(GATE, cwd=record.context.project.root, capture_output=True, text=True)
    return "" if done.returncode == 0 else f"the tests exited {done.returncode}"


def _check_remains(record: Record) -> str:
    context = record.context
    if any(run.is_live for run in record.runs) or supervisors(context):
        return "a run is still live"
    fsck = context.repository.run("fsck", "--strict", "--no-dangling")
    if fsck.status:
        return f"git fsck: {fsck.stderr.strip()}"
    branches = context.repository.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    remains = [f"branch {name}" for name in branches if name != BASE]
    remains += [f"worktree {path.name}" for path in context.project.worktrees_dir.glob("[0-9]*")]
    return f"still there: {', '.join(remains)}" if remains else ""


_PROMISES: dict[str, Callable[[Record], str]] = {
    f"all six stories are done, each as one commit on {BASE}": _check_landed,
    f"#{WEIGH} began only when #{READ} was merged": _check_dependency,
    f"#{RATION} failed the gate once; its second prompt contained the output": _check_gate,
    f"#{LEAD} was rejected once by QA; its second prompt contained the notes": _check_qa,
    f"#{HEAVIEST} and #{YOUNGEST} were in conflict once; a mergemaster resolved it": _check_conflict,
    f"the tests pass on {BASE}, and the checkout is clean": _check_checkout,
    "git fsck finds no error; no branch, worktree or process remains": _check_remains,
}


def check_all(record: Record) -> tuple[PromiseCheck, ...]:
    return tuple(PromiseCheck(promise, check(record)) for promise, check in _PROMISES.items())


def summary(record: Record, checks: Sequence[PromiseCheck], seconds: float) -> str:
    done = sum(isinstance(story.stage, Done) for story in record.stories.values())
    return render.paragraphs(
        render.heading(f"{done} of {len(record.stories)} stories merged in {seconds:.0f} seconds"),
        _board(record),
        "\n".join(render.line(_result(check)) for check in checks),
        _WHERE_TO_LOOK.format(root=shlex.quote(str(record.context.project.root))),
    )


def _board(record: Record) -> str:
    rows: list[tuple[Cell, ...]] = []
    for story in record.stories.values():
        is_done = isinstance(story.stage, Done)
        commit = story.stage.merge_commit[:10] if isinstance(story.stage, Done) else ""
        stage = render.mark(Mark.DONE if is_done else Mark.BLOCKED, story.stage.name.value)
        runs = sum(run.story == story.id for run in record.runs)
        rows.append((story.id, story.draft.title, stage, runs, commit))
    return render.table(("id", "story", "stage", "runs", "commit"), rows)


def _result(check: PromiseCheck) -> Cell:
    if check.is_kept:
        return render.mark(Mark.DONE, check.promise)
    return render.mark(Mark.BLOCKED, f"FAIL: {check.problem} (expected: {check.promise})")
