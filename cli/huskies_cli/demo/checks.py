"""What was promised, held against the store, the run directories and git."""

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from huskies_cli.demo.agents.prompt_parser import Prompt, read_prompt
from huskies_cli.demo.fixture import BASE, GATE
from huskies_cli.demo.run_demo import supervisors
from huskies_cli.demo.stories import HEAVIEST, LEAD, PLANNED, RATION, READ, WEIGH, YOUNGEST
from huskies_core.context import Context
from huskies_core.pipeline.stages import Done
from huskies_core.store import journal, runs, stories
from huskies_core.store.journal import Entry
from huskies_core.store.runs import Run, RunKind, Verdict
from huskies_core.store.stories import Story
from huskies_core.supervisor.run_directory import RunDirectory


@dataclass(frozen=True)
class Check:
    """A promise, and what is wrong with it: nothing when it was kept."""

    promise: str
    problem: str

    @property
    def is_kept(self) -> bool:
        return not self.problem


@dataclass(frozen=True)
class Account:
    """Everything that happened. `landed` are the commits on the base of each story, oldest first."""

    context: Context
    stories: Mapping[int, Story]
    runs: tuple[Run, ...]
    transitions: tuple[Entry, ...]
    landed: Mapping[int, tuple[str, ...]]

    def seqs(self, event: str, *ids: int) -> list[int]:
        """When an event was fired for those stories, as positions in the journal."""
        return [entry.seq for entry in self.transitions if entry.event == event and entry.story in ids]

    def runs_of(self, kind: RunKind, *ids: int) -> list[Run]:
        return [run for run in self.runs if run.kind is kind and run.story in ids]

    def prompt(self, run: Run) -> Prompt:
        path = Path(RunDirectory(self.context.project.run_dir(run.id)).prompt)
        return read_prompt(path.read_text(encoding="utf-8"))


def check_all(account: Account) -> tuple[Check, ...]:
    return tuple(Check(promise, check(account)) for promise, check in _PROMISES.items())


def take_account(context: Context) -> Account:
    with context.store.reading() as db:
        return Account(
            context,
            {planned.id: stories.load(db, planned.id) for planned in PLANNED},
            runs.recent(db),
            journal.transitions_after(db, 0),
            {planned.id: _landed(context, planned.id) for planned in PLANNED},
        )


def _landed(context: Context, story: int) -> tuple[str, ...]:
    form = "--format=%H %(trailers:key=Story-Id,valueonly,separator=%x2C)"
    lines = context.repository.git("log", "--reverse", form, BASE).splitlines()
    return tuple(line.partition(" ")[0] for line in lines if line.partition(" ")[2] == str(story))


def _all_merged(account: Account) -> str:
    for story in account.stories.values():
        if not isinstance(story.stage, Done):
            return f"#{story.id} is in {story.stage.name.value}"
        if account.landed[story.id] != (story.stage.merge_commit,):
            return f"#{story.id} has {len(account.landed[story.id])} commits on {BASE}"
    return ""


def _waited(account: Account) -> str:
    merged, began = account.seqs("merge_succeeded", READ), account.seqs("deps_met", WEIGH)
    if len(began) != 1 or not merged or began[0] < merged[0]:
        return f"#{WEIGH} did not wait"
    return ""


def _gate_failed(account: Account) -> str:
    failures, coders = account.seqs("gates_failed", RATION), account.runs_of(RunKind.CODER, RATION)
    if (len(failures), len(coders)) != (1, 2):
        return f"{len(failures)} failures, {len(coders)} coder runs"
    said = [account.prompt(run).gate_output for run in coders]
    return "" if not said[0] and "no docstring" in said[1] else "the second prompt does not tell"


def _qa_rejected(account: Account) -> str:
    reviews, coders = account.runs_of(RunKind.QA, LEAD), account.runs_of(RunKind.CODER, LEAD)
    verdicts = [run.verdict for run in reviews]
    if verdicts != [Verdict.REJECTED, Verdict.APPROVED] or len(coders) != 2:
        return f"{len(reviews)} reviews, {len(coders)} coder runs"
    said = [account.prompt(run).qa_notes for run in coders]
    return "" if not said[0] and said[1] == reviews[0].notes else "the second prompt does not tell"


def _resolved(account: Account) -> str:
    pair = (HEAVIEST, YOUNGEST)
    failed, resolved = account.seqs("merge_failed", *pair), account.seqs("conflict_resolved", *pair)
    verdicts = [run.verdict for run in account.runs_of(RunKind.MERGEMASTER, *pair)]
    if len(failed) != 1 or len(resolved) != 1 or verdicts != [Verdict.RESOLVED]:
        return f"{len(failed)} conflicts, {len(verdicts)} attempts, {len(resolved)} resolved"
    return ""


def _gate_passes(account: Account) -> str:
    repo = account.context.repository
    dirty = repo.git("status", "--porcelain")
    if dirty or repo.checked_out_branch() != BASE:
        return f"the checkout is not clean on {BASE}"
    done = subprocess.run(GATE, cwd=account.context.project.root, capture_output=True, text=True)
    return "" if done.returncode == 0 else f"the tests exit with {done.returncode}"


def _tidy(account: Account) -> str:
    context = account.context
    if any(run.is_live for run in account.runs) or supervisors(context):
        return "a run is still alive"
    fsck = context.repository.run("fsck", "--strict", "--no-dangling")
    if fsck.status:
        return f"git fsck: {fsck.stderr.strip()}"
    branches = context.repository.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    places = [path.name for path in context.project.worktrees_dir.glob("[0-9]*")]
    return "" if (branches, places) == ([BASE], []) else f"left: {', '.join(branches + places)}"


_PROMISES: dict[str, Callable[[Account], str]] = {
    f"all six stories are done, each as one commit on {BASE}": _all_merged,
    f"#{WEIGH} began only when #{READ} was merged": _waited,
    f"#{RATION} failed the gate once; its second prompt said why": _gate_failed,
    f"#{LEAD} was rejected once by QA; its second prompt said why": _qa_rejected,
    f"#{HEAVIEST} and #{YOUNGEST} were in conflict once; a mergemaster resolved it": _resolved,
    f"the tests pass on {BASE}, and the checkout is clean": _gate_passes,
    "git fsck finds nothing; no branch, worktree or process is left": _tidy,
}
