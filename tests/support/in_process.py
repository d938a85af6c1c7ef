"""The program run in this process, on standard streams, an environment and a directory of its own."""

import io
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Thread
from types import FrameType
from typing import Any

from huskies_cli.main import main
from support.cli import HUSKIES, Finished

END_SECS = 60
"""How long a process that the program left behind may keep the program's output open."""
FLUSH_FAILED = 120
"""The exit code of an interpreter that cannot write the rest of its output."""
CLOSED = -1
"""The descriptor of a stream that is closed."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Reader:
    """Collects what arrives at the reading end of a pipe or of a terminal, and closes that end."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._pieces = descriptor, list[bytes]()
        self._thread = Thread(target=self._collect, daemon=True)
        self._thread.start()

    def _collect(self) -> None:
        with suppress(OSError), open(self._descriptor, "rb", buffering=0) as stream:
            while piece := stream.read(65536):
                self._pieces.append(piece)

    def text(self) -> str:
        """Return all that arrived until each writer closed its end. Fails the test if one keeps it open."""
        self._thread.join(END_SECS)
        assert not self._thread.is_alive(), f"the output is still open: {b''.join(self._pieces)!r}"
        return b"".join(self._pieces).decode()


def pipe() -> tuple[int, Reader]:
    """Return the writing end of a new pipe, and its reader."""
    reading, writing = os.pipe()
    return writing, Reader(reading)


def run_in_process(
    *args: str | Path,
    cwd: Path | None,
    env: Mapping[str, str],
    stdin: str = "",
    stdout: int | None = None,
    broken: tuple[str, str] | None = None,
) -> Finished:
    """Run the program to its end in this process and return what it printed.

    `env` is its whole environment. Without a `cwd`, its current directory is a removed one. `stdout` is a
    descriptor to write to, or CLOSED, instead of a pipe that is read. `broken` is a function, as the end of the path
    of its module and its name, that raises when it is called.
    """
    with tempfile.TemporaryFile() as source:
        source.write(stdin.encode())
        source.seek(0)
        writing, errors = pipe()
        output = None
        if stdout is None:
            stdout, output = pipe()
        try:
            with _streams(source.fileno(), stdout, writing), _process_state(args, cwd, env):
                code = _run(broken)
        finally:
            os.close(writing)
            if output is not None:
                os.close(stdout)
    return Finished(code, _as_text(output), _as_text(errors))


def run_on_terminal(terminal: int, *args: str | Path, cwd: Path, env: Mapping[str, str]) -> int:
    """Run the program to its end in this process, with all of its standard streams on `terminal`."""
    with _streams(terminal, terminal, terminal), _process_state(args, cwd, env):
        return _run(None)


def _as_text(reader: Reader | None) -> str:
    return "" if reader is None else reader.text().replace("\r\n", "\n").replace("\r", "\n")


def _run(broken: tuple[str, str] | None) -> int:
    """Return the exit code of `main`, and of the end of the interpreter after it."""
    if broken is not None:
        sys.setprofile(_breaker(*broken))
    try:
        code = main()
    except SystemExit as leave:
        code = leave.code if isinstance(leave.code, int) else int(leave.code is not None)
    finally:
        if broken is not None:
            sys.setprofile(None)
    return code if _flush() else FLUSH_FAILED


def _breaker(file: str, name: str) -> Any:
    def break_it(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_name == name and code.co_filename.endswith(file):
            raise RuntimeError("broken\nfrom outside \x1b[31m")

    return break_it


def _flush() -> bool:
    """Write what is still buffered, as the interpreter does when it ends; return whether that worked."""
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError) as error:
        os.write(2, f"Exception ignored in: {stream!r}\n{type(error).__name__}: {error}\n".encode())
        return False
    return True


@contextmanager
def _streams(*descriptors: int) -> Iterator[None]:
    """Put `descriptors` in place of 0, 1 and 2, with Python's streams on them, for the length of the block."""
    sys.stdout.flush()
    sys.stderr.flush()
    names = ("stdin", "stdout", "stderr")
    streams = [getattr(sys, name) for name in names]
    saved = [os.dup(number) for number in range(3)]
    try:
        for number, (name, descriptor) in enumerate(zip(names, descriptors, strict=True)):
            if descriptor == CLOSED:
                os.close(number)
            else:
                os.dup2(descriptor, number)
            setattr(sys, name, None if descriptor == CLOSED else _stream(number))
        yield
    finally:
        for number, (name, stream) in enumerate(zip(names, streams, strict=True)):
            os.dup2(saved[number], number)
            os.close(saved[number])
            setattr(sys, name, stream)


def _stream(number: int) -> io.TextIOWrapper:
    """Return the stream as Python opens it in the C locale."""
    errors = "backslashreplace" if number == 2 else "surrogateescape"
    raw = open(number, "rb" if number == 0 else "wb", closefd=False)  # noqa: SIM115
    line_buffering = number == 2 or os.isatty(number)
    return io.TextIOWrapper(raw, encoding="utf-8", errors=errors, line_buffering=line_buffering)


@contextmanager
def _process_state(args: Sequence[str | Path], cwd: Path | None, env: Mapping[str, str]) -> Iterator[None]:
    """Take these arguments, that directory and that environment for the length of the block."""
    before, argv, directory = dict(os.environ), sys.argv, os.getcwd()
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    temporary, tempfile.tempdir = tempfile.tempdir, None
    with ExitStack() as undo:
        undo.callback(os.chdir, directory)
        undo.callback(setattr, tempfile, "tempdir", temporary)
        undo.callback(setattr, sys, "argv", argv)
        undo.callback(_restore, before, handlers)
        os.environ.clear()
        os.environ.update(env)
        sys.argv = [str(HUSKIES), *map(str, args)]
        _enter(cwd, env)
        yield


def _enter(cwd: Path | None, env: Mapping[str, str]) -> None:
    if cwd is not None:
        os.chdir(cwd)
        return
    removed = Path(env["TMPDIR"], "removed")
    removed.mkdir()
    os.chdir(removed)
    removed.rmdir()


def _restore(environ: Mapping[str, str], handlers: Mapping[signal.Signals, Any]) -> None:
    os.environ.clear()
    os.environ.update(environ)
    for number, handler in handlers.items():
        signal.signal(number, handler)
