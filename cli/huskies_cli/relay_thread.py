"""The relay of `watch`: beside the loop, over a line that it keeps, so that a slow gateway never stops the clock."""

import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue

from huskies_cli.project_context import open_context
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.gateway.connection import ReusedConnection
from huskies_core.passes import pass_sequence
from huskies_core.passes.due import config_stamp
from huskies_core.passes.pass_runner import AnyPass
from huskies_core.passes.relay import relay_pass
from huskies_core.passes.steps import PassReport


class Relaying:
    """A thread that ends with the process: what it was at is taken up by the next one, as after any death."""

    def __init__(self, start: Path, interval: float) -> None:
        self._start = start
        self._interval = interval
        self._complaints: tuple[str, ...] = ()
        self._reports: SimpleQueue[PassReport] = SimpleQueue()
        self._thread = threading.Thread(target=self._relay, name="relay", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def news(self) -> Iterator[PassReport]:
        """What it did since it was last asked."""
        while True:
            try:
                yield self._reports.get_nowait()
            except Empty:
                return

    def _relay(self) -> None:
        never, over_kept_line = threading.Event(), relay_pass(ReusedConnection().to)
        with open_context(self._start) as context:
            state = str(context.project.state_dir)
            stamp = config_stamp(state)
            while not never.wait(self._interval):
                if stamp != config_stamp(state):
                    stamp = config_stamp(state)
                    context.forget_config()
                for report in _relayed(context, over_kept_line):
                    self._tell(report)

    def _tell(self, report: PassReport) -> None:
        """What keeps failing in the same words is said once."""
        failed = tuple(result.detail for result in report.results if result.error)
        if report.failure is not None:
            failed = (*failed, report.failure.message)
        if not failed or failed != self._complaints:
            self._reports.put(report)
        self._complaints = failed


def _relayed(context: Context, over_kept_line: AnyPass) -> tuple[PassReport, ...]:
    """A config or a store that cannot be read is what the loop itself says."""
    try:
        return pass_sequence.relay_due(context, over_kept_line)
    except HuskiesError:
        return ()
