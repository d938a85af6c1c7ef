"""The loop of `watch`: what it does each time round, and what it has to tell, whoever shows it."""

from collections.abc import Callable, Iterator, Mapping

from huskies_cli.relay_thread import Relaying
from huskies_cli.reports import loop_lines
from huskies_core.clock import to_iso
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.operations.history import entry_json
from huskies_core.passes import pass_sequence
from huskies_core.passes.auto_assign import AUTO_ASSIGN
from huskies_core.passes.due import config_stamp, is_due
from huskies_core.passes.pass_runner import run_passes
from huskies_core.passes.steps import PassReport
from huskies_core.store import journal

Line = Mapping[str, object]
"""Something that happened: a row of the journal (`seq`), an action of a pass (`line`) or a `message`."""
Run = Callable[[], tuple[PassReport, ...]]


class Loop:
    """One watch: remembers what the config files looked like, and what it has complained of."""

    def __init__(self, context: Context, relaying: Relaying) -> None:
        self.context = context
        self.relaying = relaying
        self.state = str(context.project.state_dir)
        self.stamp = config_stamp(self.state)
        self.complaints: list[str] = []
        with context.store.reading() as db:
            self.seen = journal.head(db)

    def start_up(self) -> Iterator[Line]:
        yield from self._reported(lambda: pass_sequence.reconcile(self.context))
        yield from self._reported(lambda: run_passes(self.context, [AUTO_ASSIGN]))
        yield self._message("startup reconcile complete")
        self.relaying.start()

    def tick(self) -> Iterator[Line]:
        """What is due, and nothing when nothing is: the store is asked, no lock is taken."""
        stamp = config_stamp(self.state)
        changed = stamp != self.stamp
        if changed:
            self.stamp = stamp
            self.context.forget_config()
        # A tick that had the old files in hand while they changed has noted the new ones as read.
        if changed or is_due(self.state):
            yield from self._reported(lambda: pass_sequence.tick(self.context, relay=None))
        yield from self._relayed()
        yield from self._happened()

    def _happened(self) -> Iterator[Line]:
        """The transitions since the last look, whoever made them: this loop, the end of a run, or a person."""
        with self.context.store.reading() as db:
            news = journal.transitions_after(db, self.seen)
        for entry in news:
            self.seen = entry.seq
            yield {**entry_json(entry), "outcome": "done"}

    def _reported(self, run: Run) -> Iterator[Line]:
        """What the passes did. What keeps failing in the same words, such as a broken config, is said once."""
        try:
            lines = list(loop_lines(run(), self.context.now()))
        except HuskiesError as error:
            lines = [{**self._message(error.message), "outcome": "failed"}]
        failed = [str(line.get("message") or line["line"]) for line in lines if line["outcome"] == "failed"]
        repeated = failed == self.complaints
        self.complaints = failed
        yield from (line for line in lines if not (repeated and line["outcome"] == "failed"))
        yield from self._happened()

    def _relayed(self) -> Iterator[Line]:
        for report in self.relaying.news():
            yield from loop_lines([report], self.context.now())

    def _message(self, text: str) -> Line:
        return {"at": to_iso(self.context.now()), "message": text, "outcome": "done"}
