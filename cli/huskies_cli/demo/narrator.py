"""The live report of the demo: an introduction, then journal entries as lines that fit a terminal of 80 columns."""

import textwrap
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from huskies_cli.demo.fixture import PLANNED, STORIES
from huskies_core.clock import from_iso
from huskies_core.context import Context, Progress
from huskies_core.ids import JOURNAL_START, Seq, StoryId
from huskies_core.sanitize import one_line
from huskies_core.store import journal, runs
from huskies_core.store.journal import JournalEntry, JournalKind
from huskies_core.supervisor.run_directory import RunDirectory

WIDTH = 80
Print = Callable[[str], None]

_INTRODUCTION = """\
Six stories for a small Python project. Its tests are the gate. The agents are
real programs that follow a script: three coders, a QA agent, a mergemaster.

{courses}

The repository is {root}. The demo only runs
the passes that 'huskies tick' runs from cron. It takes about 20 seconds,
longer on a slow machine.
"""
_TEXTS = {
    "deps_met": "its dependency is merged: into coding",
    "qa_requested": "the gate passed: on to QA",
    "qa_skipped": "the gate passed: into the merge queue",
    "qa_passed": "QA approved it: into the merge queue",
    "qa_rejected": "QA sent it back: {notes}",
    "conflict_resolved": "the conflict is resolved: back into the merge queue",
    "merge_succeeded": "MERGED as {merge_commit:.10}",
    **dict.fromkeys(("created", "edited", "start", "worktree_made", "worktree_removed", "verdict_given"), ""),
}
_AGAIN = {
    "gates_failed": " again, with the gate's output in its prompt",
    "qa_rejected": " again, with QA's notes in its prompt",
}


def introduction(root: Path) -> list[str]:
    courses = (
        f"  #{number}  {story.title:30}{story.course}" for number, story in zip(STORIES, PLANNED, strict=True)
    )
    return _INTRODUCTION.format(courses="\n".join(courses), root=root).split("\n")


class Narrator(Struct):
    """Prints new journal entries and keeps them in `events`, as JSON objects.

    `moved_by` is the last event of each story: the reason why an agent is started for it.
    """

    context: Context
    print_line: Print
    progress: Progress
    began: datetime
    seq: Seq = JOURNAL_START
    latest: float = 0.0
    moved_by: dict[StoryId | None, str] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)

    def catch_up(self) -> None:
        with self.context.store.reading() as db:
            entries = journal.entries_after(db, self.seq)
        for entry in entries:
            self.seq = entry.seq
            if entry.kind is JournalKind.TRANSITION:
                self.moved_by[entry.story] = entry.event
            if text := one_line(self._text(entry)):
                self._report(text, entry)
        self.progress("merged", self._merged, len(PLANNED))

    def report_slowness(self) -> None:
        seconds = (self.context.now() - self.began) / timedelta(seconds=1)
        merged = f"{self._merged} of {len(PLANNED)} merged"
        self.print_line(f"{seconds:5.1f}s        this machine is slow; still running, {merged}")

    @property
    def _merged(self) -> int:
        return sum(event == "merge_succeeded" for event in self.moved_by.values())

    def _report(self, text: str, entry: JournalEntry) -> None:
        facts = {"seq": entry.seq, "at": entry.at, "story": entry.story, "event": entry.event}
        self.events.append({**facts, "actor": entry.actor, "text": text})
        # An entry has the time of its decision. The times of two entries can be in another order than their rows.
        self.latest = max(self.latest, (from_iso(entry.at) - self.began) / timedelta(seconds=1))
        story = f"#{entry.story}" if entry.story else ""
        for line in fitted(f"{self.latest:5.1f}s  {story:4}", text):
            self.print_line(line)

    def _text(self, entry: JournalEntry) -> str:
        detail = entry.detail
        match entry.event:
            case event if event in _TEXTS:
                return _TEXTS[event].format_map(detail)
            case "run_started":
                again = _AGAIN.get(self.moved_by.get(entry.story, ""), "")
                return f"{detail['agent']} starts{again}" if detail.get("agent") else ""
            case "run_ended":
                return self._ending(entry)
            case "gates_failed":
                return f"the gate failed: {self._complaint(entry)}"
            case "merge_failed" if detail["kind"] == "conflict_detected":
                return f"merge conflict in {detail['detail']}"
            case event:
                return " ".join([event, *(f"{name}={value}" for name, value in detail.items())])

    def _ending(self, entry: JournalEntry) -> str:
        """Return the last output line of a completed agent run. For other runs, return only an unusual outcome."""
        agent, outcome = entry.detail.get("agent"), entry.detail.get("outcome", "")
        if agent and outcome == "completed":
            ended = RunDirectory(self.context.project.run_dir(entry.detail["run"])).read_exit()
            return f"{agent}: {ended.progress.last_words if ended is not None else 'ended without output'}"
        if not agent and outcome in ("completed", "failed"):
            return ""
        return f"{agent or entry.detail.get('kind')} run ended: {outcome} {entry.detail.get('detail', '')}"

    def _complaint(self, entry: JournalEntry) -> str:
        """Return the line of the gate's output that names an exception, else its last line."""
        with self.context.store.reading() as db:
            earlier = [run for run in runs.of_story(db, entry.story or StoryId(0)) if run.seq < entry.seq]
        gates = [run for run in earlier if run.kind is runs.RunKind.GATES]
        lines = (gates[-1].evidence.output or "").splitlines() if gates else []
        errors = [line.partition("Error: ")[2] for line in lines if "Error: " in line]
        return next(iter([*errors, *lines[-1:]]), "")


def fitted(head: str, text: str) -> list[str]:
    """Return `head` and `text`, wrapped to WIDTH. Indent all lines of `text` by the width of `head`."""
    return textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head))
