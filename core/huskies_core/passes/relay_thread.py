"""The relay of `watch`, in a thread with its own connection, so that a slow gateway delays no other pass."""

import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue

from huskies_core.context import Context, open_context
from huskies_core.errors import HuskiesError
from huskies_core.gateway.connection import ReusedConnection
from huskies_core.passes import pass_sequence
from huskies_core.passes.due import config_stamp
from huskies_core.passes.pass_runner import AnyPass
from huskies_core.passes.relay import relay_pass
from huskies_core.passes.steps import PassReport


class RelayThread:
    """A thread that ends with the process. The next process sends the remaining transitions."""

    def __init__(self, start: Path, interval: float) -> None:
        self._start = start
        self._interval = interval
        self._errors: tuple[str, ...] = ()
        self._reports: SimpleQueue[PassReport] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def take_reports(self) -> Iterator[PassReport]:
        """Yield the reports since the last call."""
        while True:
            try:
                yield self._reports.get_nowait()
            except Empty:
                return

    def _run(self) -> None:
        never, relay = threading.Event(), relay_pass(ReusedConnection().to)
        with open_context(self._start) as context:
            state = str(context.project.state_dir)
            stamp = config_stamp(state)
            while not never.wait(self._interval):
                if stamp != config_stamp(state):
                    stamp = config_stamp(state)
                    context.forget_config()
                for report in _relay(context, relay):
                    self._put(report)

    def _put(self, report: PassReport) -> None:
        """Queue a report, unless its errors are those of the last one."""
        errors = tuple(result.detail for result in report.results if result.error)
        if report.failure is not None:
            errors = (*errors, report.failure.message)
        if not errors or errors != self._errors:
            self._reports.put(report)
        self._errors = errors


def _relay(context: Context, relay: AnyPass) -> tuple[PassReport, ...]:
    """Run the relay if it is due. The loop itself reports a configuration or a store that cannot be read."""
    try:
        return pass_sequence.relay_due(context, relay)
    except HuskiesError:
        return ()
