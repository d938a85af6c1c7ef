"""The live report of the demo: journal entries as lines that fit a terminal of 80 columns."""

import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from huskies_cli.demo.stories import PLANNED
from huskies_core.clock import from_iso
from huskies_core.context import Context, Progress
from huskies_core.ids import JOURNAL_START, Seq, StoryId
from huskies_core.sanitize import one_line
from huskies_core.store import journal, runs
from huskies_core.store.journal import JournalEntry, JournalKind
from huskies_core.supervisor.run_directory import RunDirectory

WIDTH = 80
Print = Callable[[str], None]

_FIXED = {
    "deps_met": "its dependency is merged: into coding",
    "qa_requested": "the gate passed: on to QA",
    "qa_skipped": "the gate passed: into the merge queue",
    "qa_passed": "QA approved it: into the merge queue",
    "conflict_resolved": "the conflict is resolved: back into the merge queue",
}
_AGAIN = {
    "gates_failed": " again, with the gate's output in its prompt",
    "qa_rejected": " again, with QA's notes in its prompt",
}
_SILENT = ("created", "edited", "start", "worktree_made", "worktree_removed", "verdict_given")


@dataclass
class Narrator:
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
            text = self._text(entry)
            if text:
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
        if entry.event in _SILENT:
            return ""
        if entry.kind is JournalKind.RUN:
            return one_line(self._run_text(entry))
        return one_line(self._transition_text(entry))

    def _transition_text(self, entry: JournalEntry) -> str:
        detail = entry.detail
        match entry.event:
            case "gates_failed":
                return f"the gate failed: {self._complaint(entry)}"
            case "qa_rejected":
                return f"QA sent it back: {detail['notes']}"
            case "merge_failed" if detail["kind"] == "conflict_detected":
                return f"merge conflict in {detail['detail']}"
            case "merge_succeeded":
                return f"MERGED as {detail['merge_commit'][:10]}"
            case known if known in _FIXED:
                return _FIXED[known]
            case other:
                return " ".join([other, *_words(detail)])

    def _run_text(self, entry: JournalEntry) -> str:
        agent, kind = entry.detail.get("agent"), entry.detail.get("kind")
        outcome = entry.detail.get("outcome", "")
        if entry.event == "run_started":
            return f"{agent} starts{_AGAIN.get(self.moved_by.get(entry.story, ''), '')}" if agent else ""
        if entry.event != "run_ended":
            return " ".join([entry.event, *_words(entry.detail)])
        if agent and outcome == "completed":
            return f"{agent}: {self._last_words(entry)}"
        if agent or outcome not in ("completed", "failed"):
            return f"{agent or kind} run ended: {outcome} {entry.detail.get('detail', '')}"
        return ""

    def _complaint(self, entry: JournalEntry) -> str:
        """Return the line of the gate's output that names an exception, else its last line."""
        with self.context.store.reading() as db:
            earlier = [run for run in runs.of_story(db, entry.story or StoryId(0)) if run.seq < entry.seq]
        gates = [run for run in earlier if run.kind is runs.RunKind.GATES]
        lines = (gates[-1].evidence.output or "").splitlines() if gates else []
        errors = [line.partition("Error: ")[2] for line in lines if "Error: " in line]
        return next(iter([*errors, *lines[-1:]]), "")

    def _last_words(self, entry: JournalEntry) -> str:
        ended = RunDirectory(self.context.project.run_dir(entry.detail["run"])).read_exit()
        return ended.progress.last_words if ended is not None else "ended without output"


def fitted(head: str, text: str) -> list[str]:
    """Return `text` wrapped to WIDTH. Lines after the first are indented to where the text began."""
    return textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head))


def _words(detail: Mapping[str, Any]) -> Iterator[str]:
    return (f"{name}={value}" for name, value in detail.items())
