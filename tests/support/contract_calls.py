"""Commands called in the contract's project, each in a process of its own, whatever its surroundings are like."""

import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path

from huskies_cli.commands import Entry
from support.cli import HUSKIES, Finished
from support.contract_examples import EXAMPLES
from support.contract_project import ContractProject
from support.terminal import Terminal
from support.waiting import wait_until

BREAKING = """\
import os, sys
place, name = os.environ["BREAK_AT"].split(":")
def break_it(frame, event, _):
    if event == "call" and frame.f_code.co_name == name and frame.f_code.co_filename.endswith(place):
        raise RuntimeError("broken\\nfrom outside \\x1b[31m")
sys.setprofile(break_it)
"""
"""A sitecustomize that raises when that function is called: a bug, as the program sees it."""
STARTED = "startup reconcile complete"


class Out(Enum):
    """What stdout is: `>&-`, or a pipe that nobody reads."""

    PIPE = '"$@"'
    CLOSED = '"$@" >&-'
    UNREAD = '"$@" '


class Calls:
    """`env` of a call is added to the environment; None takes a variable away."""

    def __init__(self, project: ContractProject) -> None:
        self.project = project

    def work(self, name: str, *flags: str, **how: object) -> Finished:
        """The call that goes well, in the project as it was made."""
        self.prepare(name)
        return self(*flags, *self.words(EXAMPLES[name].works), **how)  # type: ignore[arg-type]

    def prepare(self, name: str) -> None:
        self.project.put_back(to_change=not EXAMPLES[name].reads)
        for first in EXAMPLES[name].first:
            self.project.huskies(*self.words(first))

    def words(self, call: str) -> list[str]:
        return [word.replace("{root}", str(self.project.root)) for word in call.split()]

    def __call__(
        self,
        *words: str,
        env: Mapping[str, str | None] | None = None,
        cwd: Path | None = None,
        out: Out = Out.PIPE,
        before: str = "",
    ) -> Finished:
        """Runs it to its end; `watch` is ended when it says that it is ready. `before` is said to the shell first."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
            ear.bind(f"{self.project.tmp}/ear")
            ear.settimeout(0)
            process = self._start(words, env or {}, cwd or self.project.root, out, before)
            if "watch" in words:
                wait_until(lambda: _heard(ear) or process.poll() is not None, 30, what="the start of watch")
                process.terminate()
            stdout, stderr = process.communicate(timeout=60)
        os.unlink(f"{self.project.tmp}/ear")
        return Finished(process.returncode, stdout or "", stderr)

    def _start(
        self, words: Sequence[str], env: Mapping[str, str | None], cwd: Path, out: Out, before: str
    ) -> "subprocess.Popen[str]":
        given = {**os.environ, **self.project.env, "NOTIFY_SOCKET": f"{self.project.tmp}/ear", **env}
        reading, writing = os.pipe()
        os.close(reading)
        try:
            return subprocess.Popen(
                ["sh", "-c", f"{before} exec {out.value}", "sh", HUSKIES, *words],
                cwd=cwd,
                env={name: value for name, value in given.items() if value is not None},
                stdin=subprocess.DEVNULL,
                stdout=writing if out is Out.UNREAD else subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        finally:
            os.close(writing)

    def break_at(self, name: str, entry: Entry) -> Mapping[str, str]:
        """The environment in which the function of that command raises."""
        (self.project.tmp / "sitecustomize.py").write_text(BREAKING)
        place = f"/commands/{entry.module}.py:{entry.function}"
        where = "/advancing.py:advance_run" if name == "advance" else place
        return {"PYTHONPATH": str(self.project.tmp), "BREAK_AT": where, "PYTHONDONTWRITEBYTECODE": "1"}

    def on_a_terminal(self, *words: str) -> str:
        """What a terminal with colours is shown; it types Ctrl-C to `watch`."""
        env = {**self.project.env, "TERM": "xterm-256color"}
        with Terminal([str(HUSKIES), *words], self.project.root, env) as terminal:
            shown = ""
            if "watch" in words:
                shown = terminal.read_until(STARTED)
                terminal.type("\x03")
            return shown + terminal.read_to_end()


def _heard(ear: socket.socket) -> bool:
    try:
        return bool(ear.recv(100))
    except BlockingIOError:
        return False
