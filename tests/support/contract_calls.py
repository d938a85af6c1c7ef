"""Calls of the contract tests: in this process, by process, on a terminal, with a broken stdout."""

import os
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from importlib import import_module
from pathlib import Path

from huskies_cli.entry import Entry
from huskies_cli.reports import advance_run
from support.cli import HUSKIES, Finished
from support.contract_examples import EXAMPLES
from support.contract_project import ContractProject
from support.in_process import CLOSED, Reader, run_in_process, run_on_terminal
from support.terminal import COLUMNS, LINES, Terminal, set_size
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
    """A broken stdout: closed (`>&-`), or a pipe without a reader."""

    PIPE = '"$@"'
    CLOSED = '"$@" >&-'
    UNREAD = '"$@" '


class Calls:
    """Calls commands in `project`, each in a process of its own if `by_process`.

    `env` of a call is added to the environment; None removes a variable.
    """

    def __init__(self, project: ContractProject, *, by_process: bool) -> None:
        self.project, self._by_process = project, by_process

    def work(self, name: str, *flags: str, **how: object) -> Finished:
        """Return the call that succeeds in the new project."""
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
        removed_cwd: bool = False,
        out: Out = Out.PIPE,
        broken: tuple[str, str] | None = None,
    ) -> Finished:
        """Run the program to its end, `watch` until it reports that it is ready.

        With `removed_cwd`, the current directory of the program is removed. `broken` is the function that raises.
        """
        whole = {**os.environ, **self.project.env, "NOTIFY_SOCKET": self._ear, **(env or {})}
        environ = {name: value for name, value in whole.items() if value is not None}
        if self._by_process:
            before = "mkdir removed; cd removed; rmdir ../removed;" if removed_cwd else ""
            directory = self.project.tmp if removed_cwd else self.project.root
            environ |= self._break(broken)
            return self.process(*words, env=environ, cwd=directory, out=out, before=before)
        cwd = None if removed_cwd else self.project.root
        if out is not Out.UNREAD:
            stdout = CLOSED if out is Out.CLOSED else None
            return run_in_process(*words, cwd=cwd, env=environ, stdout=stdout, broken=broken)
        with unread_pipe() as stdout:
            return run_in_process(*words, cwd=cwd, env=environ, stdout=stdout, broken=broken)

    @property
    def _ear(self) -> str:
        return f"{self.project.tmp}/ear"

    def process(
        self, *words: str, env: Mapping[str, str], cwd: Path, out: Out = Out.PIPE, before: str = ""
    ) -> Finished:
        """Run it in a process with the environment `env`. A shell runs `before` first."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
            ear.bind(self._ear)
            ear.settimeout(0)
            process = self._start(words, env, cwd, out, before)
            if "watch" in words:
                wait_until(
                    lambda: _is_ready(ear) or process.poll() is not None, 60, what="the start of watch"
                )
                process.terminate()
            stdout, stderr = process.communicate(timeout=60)
        os.unlink(self._ear)
        return Finished(process.returncode, stdout or "", stderr)

    def _start(
        self, words: Sequence[str], env: Mapping[str, str], cwd: Path, out: Out, before: str
    ) -> "subprocess.Popen[str]":
        with unread_pipe() as writing:
            return subprocess.Popen(
                ["sh", "-c", f"{before} exec {out.value}", "sh", HUSKIES, *words],
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=writing if out is Out.UNREAD else subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )

    def _break(self, broken: tuple[str, str] | None) -> Mapping[str, str]:
        """Return the environment in which that function raises in a process."""
        if broken is None:
            return {}
        (self.project.tmp / "sitecustomize.py").write_text(BREAKING)
        return {
            "PYTHONPATH": str(self.project.tmp), "BREAK_AT": ":".join(broken), "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip

    def on_a_terminal(self, *words: str) -> str:
        """Return the output on a terminal with colours. Type Ctrl-C to `watch`."""
        env = {**self.project.env, "TERM": "xterm-256color"}
        if not self._by_process:
            return self._on_own_terminal(*words, env=os.environ | env)
        with Terminal([str(HUSKIES), *words], self.project.root, env) as terminal:
            shown = ""
            if "watch" in words:
                shown = terminal.read_until(STARTED)
                terminal.type("\x03")
            return shown + terminal.read_to_end()

    def _on_own_terminal(self, *words: str, env: Mapping[str, str]) -> str:
        ours, theirs = os.openpty()
        set_size(theirs, LINES, COLUMNS)
        shown = Reader(ours)
        try:
            run_on_terminal(theirs, *words, cwd=self.project.root, env=env)
        finally:
            os.close(theirs)
        return shown.text()


def function_of(name: str, entry: Entry) -> tuple[str, str]:
    """Return the function of a command, as the end of the path of its module and its name."""
    if name == "advance":
        code = advance_run.__code__
    else:
        code = getattr(import_module(entry.module), entry.name_there).function.__code__
    return code.co_filename, code.co_name


@contextmanager
def unread_pipe() -> Iterator[int]:
    """Return the writing end of a pipe with a closed reader."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        yield writing
    finally:
        os.close(writing)


def _is_ready(ear: socket.socket) -> bool:
    try:
        return bool(ear.recv(100))
    except BlockingIOError:
        return False
