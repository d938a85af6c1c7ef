"""Other processes that use the store at the same time, with handshakes."""

import subprocess
import sys
from pathlib import Path

PREAMBLE = """
import json, os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
import filelock
from huskies_core.errors import HuskiesError
from huskies_core.pipeline import events, stages
from huskies_core.project import Project
from huskies_core.store import content, journal, runs, stories, transitions
from huskies_core.store.connection import Store, create
root = Path(sys.argv[1])
project = Project(root, root / ".git")
store = Store(project)
now = datetime(2026, 3, 1, 12, tzinfo=UTC)
def report(word): print(word, flush=True)
def wait(): sys.stdin.readline()
"""


class StoreProcess:
    """Runs `code` after PREAMBLE. `read_report` returns the word of its `report`; `go_on` ends its `wait`."""

    def __init__(self, root: Path, code: str, *args: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PREAMBLE + code, str(root), *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def read_report(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def finish(self) -> tuple[int, str]:
        """Wait for the end. Return the exit code and the rest of the output."""
        output, _ = self.process.communicate(timeout=60)
        return self.process.returncode, output.rstrip("\n")

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()
