"""The promises of the demo, each with a check against the store, the run directories and git."""

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from huskies_cli.demo.agents.prompt_parser import Prompt, read_prompt
from huskies_cli.demo.fixture import BASE, GATE
from huskies_cli.demo.run_demo import supervisors
from huskies_cli.demo.stories import HEAVIEST, LEAD, PLANNED, RATION, READ, WEIGH, YOUNGEST
from huskies_core.context import Context
from huskies_core.ids import JOURNAL_START, StoryId
from huskies_core.pipeline.stages import Done
from huskies_core.store import journal, runs, stories
from huskies_core.store.journal import JournalEntry
from huskies_core.store.runs import Run, RunKind, Verdict
from huskies_core.store.stories import Story
from huskies_core.supervisor.run_directory import RunDirectory


@dataclass(frozen=True)
class Check:
    """A promise, and the problem with it: empty if it was kept."""

    promise: str
    problem: str

    @property
    def is_kept(self) -> bool:
        return not self.problem


@dataclass(frozen=True)
class Record:
    """All that happened. `landed` has the commits of each story on the base branch, oldest first."""

    context: Context
    stories: Mapping[int, Story]
    runs: tuple[Run, ...]
    transitions: tuple[JournalEntry, ...]
    landed: Mapping[int, tuple[str, ...]]

    def seqs(self, event: str, *ids: int) -> list[int]:
        """Return the positions in the journal of an event of those stories."""
        return [entry.seq for entry in self.transitions if entry.event == event and entry.story in ids]

    def runs_of(self, kind: RunKind, *ids: int) -> list[Run]:
        return [run for run in self.runs if run.kind is kind and run.story in ids]

    def prompt(self, run: Run) -> Prompt:
        path = Path(RunDirectory(self.context.project.run_dir(run.id)).prompt)
        return read_prompt(path.read_text(encoding="utf-8"))


def check_all(record: Record) -> tuple[Check, ...]:
    return tuple(Check(promise, check(record)) for promise, check in _PROMISES.items())


def read_record(context: Context) -> Record:
    with context.store.reading() as db:
        return Record(
            context,
            {planned.id: stories.load(db, StoryId(planned.id)) for planned in PLANNED},
            runs.recent(db),
            journal.transitions_after(db, JOURNAL_START),
            {planned.id: _landed(context, StoryId(planned.id)) for planned in PLANNED},
        )


def _landed(context: Context, story: StoryId) -> tuple[str, ...]:
    form = "--format=%H %(trailers:key=Story-Id,valueonly,separator=%x2C)"
    lines = context.repository.git("log", "--reverse", form, BASE).splitlines()
    return tuple(line.partition(" ")[0] for line in lines if line.partition(" ")[2] == str(story))


def _all_merged(record: Record) -> str:
    for story in record.stories.values():
        if not isinstance(story.stage, Done):
            return f"#{story.id} is in {story.stage.name.value}"
        if record.landed[story.id] != (story.stage.merge_commit,):
            return f"#{story.id} has {len(record.landed[story.id])} commits on {BASE}"
    return ""


def _waited(record: Record) -> str:
    merged, began = record.seqs("merge_succeeded", READ), record.seqs("deps_met", WEIGH)
    if len(began) != 1 or not merged or began[0] < merged[0]:
        return f"#{WEIGH} began before #{READ} was merged"
    return ""


def _gate_failed(record: Record) -> str:
    failures, coders = record.seqs("gates_failed", RATION), record.runs_of(RunKind.CODER, RATION)
    if (len(failures), len(coders)) != (1, 2):
        return f"{len(failures)} failed gates, {len(coders)} coder runs"
    outputs = [record.prompt(run).gate_output for run in coders]
    if outputs[0] or "no docstring" not in outputs[1]:
        return "the second prompt does not contain the output of the gate"
    return ""


def _qa_rejected(record: Record) -> str:
    reviews, coders = record.runs_of(RunKind.QA, LEAD), record.runs_of(RunKind.CODER, LEAD)
    verdicts = [run.verdict for run in reviews]
    if verdicts != [Verdict.REJECTED, Verdict.APPROVED] or len(coders) != 2:
        return f"{len(reviews)} QA runs, {len(coders)} coder runs"
    notes = [record.prompt(run).qa_notes for run in coders]
    if notes[0] or notes[1] != reviews[0].notes:
        return "the second prompt does not contain the notes of QA"
    return ""


def _resolved(record: Record) -> str:
    pair = (HEAVIEST, YOUNGEST)
    failed, resolved = record.seqs("merge_failed", *pair), record.seqs("conflict_resolved", *pair)
    verdicts = [run.verdict for run in record.runs_of(RunKind.MERGEMASTER, *pair)]
    if len(failed) != 1 or len(resolved) != 1 or verdicts != [Verdict.RESOLVED]:
        return f"{len(failed)} conflicts, {len(verdicts)} mergemaster runs, {len(resolved)} resolved"
    return ""


def _gate_passes(record: Record) -> str:
    repo = record.context.repository
    dirty = repo.git("status", "--porcelain")
    if dirty or repo.checked_out_branch() != BASE:
        return f"the checkout has changes or is not on {BASE}"
    done = subprocess.run(GATE, cwd=record.context.project.root, capture_output=True, text=True)
    return "" if done.returncode == 0 else f"the tests exited {done.returncode}"


def _tidy(record: Record) -> str:
    context = record.context
    if any(run.is_live for run in record.runs) or supervisors(context):
        return "a run is still live"
    fsck = context.repository.run("fsck", "--strict", "--no-dangling")
    if fsck.status:
        return f"git fsck: {fsck.stderr.strip()}"
    branches = context.repository.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    worktrees = [path.name for path in context.project.worktrees_dir.glob("[0-9]*")]
    others = [f"branch {name}" for name in branches if name != BASE] + [
        f"worktree {name}" for name in worktrees
    ]
    return f"still there: {', '.join(others)}" if others else ""


_PROMISES: dict[str, Callable[[Record], str]] = {
    f"all six stories are done, each as one commit on {BASE}": _all_merged,
    f"#{WEIGH} began only when #{READ} was merged": _waited,
    f"#{RATION} failed the gate once; its second prompt contained the output": _gate_failed,
    f"#{LEAD} was rejected once by QA; its second prompt contained the notes": _qa_rejected,
    f"#{HEAVIEST} and #{YOUNGEST} were in conflict once; a mergemaster resolved it": _resolved,
    f"the tests pass on {BASE}, and the checkout is clean": _gate_passes,
    "git fsck finds no error; no branch, worktree or process remains": _tidy,
}
