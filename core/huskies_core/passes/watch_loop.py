"""The loop of `watch`: its start, its ticks, and the events that both yield."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from queue import SimpleQueue

from msgspec import Struct

from huskies_core.context import Context, open_context
from huskies_core.errors import HuskiesError
from huskies_core.gateway import ReusedConnection
from huskies_core.passes import pass_sequence
from huskies_core.passes.auto_assign import AUTO_ASSIGN
from huskies_core.passes.due import config_stamp, is_due
from huskies_core.passes.pass_runner import AnyPass, run_passes
from huskies_core.passes.relay import relay_pass
from huskies_core.passes.steps import PassReport, StepOutcome, StepResult, attempt
from huskies_core.passes.story_steps import MoveStory
from huskies_core.store import journal
from huskies_core.store.journal import JournalEntry


class LoopMessage(Struct, frozen=True):
    """A message of the loop itself, or the error of a pass or of the loop."""

    at: datetime
    text: str
    is_error: bool = False


class PassStep(Struct, frozen=True):
    """A step that a pass applied, skipped or failed to apply."""

    at: datetime
    pass_name: str
    result: StepResult

    @property
    def is_error(self) -> bool:
        return self.result.outcome is StepOutcome.FAILED


LoopEvent = JournalEntry | PassStep | LoopMessage


class RelayThread(threading.Thread):
    """The relay of a watch, with its own connection, so that a slow gateway delays no other pass.

    The thread ends with the process. The next process sends the remaining transitions.
    """

    def __init__(self, project: Path, interval: float) -> None:
        super().__init__(name="relay", daemon=True)
        self._project = project
        self._interval = interval
        self._reports: SimpleQueue[PassReport] = SimpleQueue()

    def take_reports(self) -> Iterator[PassReport]:
        """Yield the reports since the last call."""
        while not self._reports.empty():
            yield self._reports.get_nowait()

    def run(self) -> None:
        """Run the relay when it is due, and report its errors. Only a project that cannot be opened ends the thread."""
        relay = relay_pass(ReusedConnection().to)
        with attempt() as attempted, open_context(self._project) as context:
            self._repeat(context, relay)
        if attempted.code:
            self._reports.put(PassReport(relay.name, failure=attempted))

    def _repeat(self, context: Context, relay: AnyPass) -> None:
        never, state = threading.Event(), str(context.project.state_dir)
        stamp = config_stamp(state)
        while not never.wait(self._interval):
            # The loop itself reports a configuration or a store that cannot be read.
            with attempt() as attempted, suppress(HuskiesError):
                if stamp != config_stamp(state):
                    stamp = config_stamp(state)
                    context.forget_config()
                for report in pass_sequence.run_due(context, relay):
                    self._reports.put(report)
            if attempted.code:
                self._reports.put(PassReport(relay.name, failure=attempted))


class WatchLoop:
    """The loop over one project, with the stamp of the configuration files and the errors of the last passes."""

    def __init__(self, context: Context, start: Path, interval: float) -> None:
        self._context = context
        self._relay = RelayThread(start, interval)
        self._state = str(context.project.state_dir)
        self._stamp = config_stamp(self._state)
        self._errors: dict[str, list[object]] = {}
        with context.store.reading() as db:
            self._head = journal.head(db)

    def start_up(self) -> Iterator[LoopEvent]:
        """Run reconcile and auto-assign, then start the relay."""
        yield from self._run(lambda: pass_sequence.reconcile(self._context))
        yield from self._run(lambda: run_passes(self._context, [AUTO_ASSIGN]))
        yield LoopMessage(self._context.now(), "startup reconcile complete")
        self._relay.start()

    def tick(self) -> Iterator[LoopEvent]:
        """Run the passes that are due. If none is due, only read the store and take no lock."""
        stamp = config_stamp(self._state)
        has_changed = stamp != self._stamp
        if has_changed:
            self._stamp = stamp
            self._context.forget_config()
        # A tick that loaded the old files while they changed has recorded the stamp of the new ones.
        if has_changed or is_due(self._state):
            yield from self._run(lambda: pass_sequence.tick(self._context, relay=False))
        for report in self._relay.take_reports():
            yield from self._fresh("relay", _events([report], self._context.now()))
        yield from self._transitions()

    def _transitions(self) -> Iterator[JournalEntry]:
        """Yield the transitions since the last call, from this loop, ends of runs and people."""
        with self._context.store.reading() as db:
            entries = journal.transitions_after(db, self._head)
        for entry in entries:
            self._head = entry.seq
            yield entry

    def _run(self, passes: Callable[[], tuple[PassReport, ...]]) -> Iterator[LoopEvent]:
        """Yield the steps and errors of passes, and the new transitions."""
        try:
            events = list(_events(passes(), self._context.now()))
        except HuskiesError as error:
            events = [LoopMessage(self._context.now(), error.message, is_error=True)]
        yield from self._fresh("loop", events)
        yield from self._transitions()

    def _fresh(
        self, source: str, events: Iterable[PassStep | LoopMessage]
    ) -> Iterator[PassStep | LoopMessage]:
        """Yield the events. Omit the errors if the source had the same last time, to report each problem once."""
        events = list(events)
        errors = [_error(event) for event in events if event.is_error]
        is_repeated = errors == self._errors.get(source)
        self._errors[source] = errors
        yield from (event for event in events if not (is_repeated and event.is_error))


def _events(reports: Iterable[PassReport], now: datetime) -> Iterator[PassStep | LoopMessage]:
    """Yield the steps and errors of passes. The journal has the steps that moved a story, with more detail."""
    for report in reports:
        for result in report.results:
            step = PassStep(now, report.name, result)
            if step.is_error or not isinstance(result.step, MoveStory):
                yield step
        if report.failure is not None:
            yield LoopMessage(now, f"{report.name} failed: {report.failure.message}", is_error=True)


def _error(event: PassStep | LoopMessage) -> object:
    """Return the part of an error that is equal in each report of it."""
    if isinstance(event, LoopMessage):
        return event.text
    return event.result.step.verb, event.result.step.story, event.result.detail
