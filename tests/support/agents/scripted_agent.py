"""An agent that follows a script: `scripted_agent.py STEP...`, each step `verb` or `verb=argument`.

It is a real program without imports of Huskies, so that tests of agents are tests of processes. A step
`script=FILE` reads further steps from a JSON list of strings.
"""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

HANDSHAKE_SECS = 30


def say(text: str) -> None:
    sys.stdout.buffer.write(text.encode() + b"\n")
    sys.stdout.buffer.flush()


def raw(size: str, *, byte: bytes = b"x") -> None:
    sys.stdout.buffer.write(byte * int(size))
    sys.stdout.buffer.flush()


def complain(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def write(argument: str) -> None:
    path, _, content = argument.partition(":")
    Path(path).write_text(content)


def commit(message: str) -> None:
    subprocess.run(["git", "add", "-A"], check=True)
    subprocess.run(["git", "commit", "-q", "-m", message], check=True)


def pause() -> None:
    select.select([], [], [], 0.01)


def wait_for(path: str) -> None:
    for _ in range(HANDSHAKE_SECS * 100):
        if os.path.exists(path):
            return
        pause()
    sys.exit(f"{path} never came")


def usage(record: str) -> None:
    say(json.dumps({"usage": json.loads(record or "{}")}))


def hang(seconds: str) -> None:
    """Sleep long, but not without end: the process of a failed test ends by itself."""
    select.select([], [], [], float(seconds or 60))


def describe(path: str) -> None:
    """Write facts about this process that a test compares."""
    ignored = [s for s in signal.valid_signals() if signal.getsignal(s) is signal.SIG_IGN]
    status = Path("/proc/self/status")
    facts = {
        "env": dict(os.environ),
        "cwd": os.getcwd(),
        "leads_group": os.getpgid(0) == os.getpid(),
        "ignored": sorted(set(ignored) - {signal.SIGPIPE, getattr(signal, "SIGXFSZ", signal.SIGPIPE)}),
        "signals": [line for line in status.read_text().split("\n") if line[:6] in ("SigBlk", "SigIgn")]
        if status.exists()
        else [],
        "descriptors": sorted(os.listdir("/dev/fd")),
        "stdin": sys.stdin.read(),
    }
    publish(path, json.dumps(facts))


def publish(path: str, content: str) -> None:
    Path(f"{path}.new").write_text(content)
    os.replace(f"{path}.new", path)


def hide(path: str, *, clear: bool = False) -> None:
    """Start a process in its own session, forked twice, that ignores SIGTERM. Write its pid to `path`."""
    if os.fork():
        wait_for(path)
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    code = (
        "import os, select, signal, sys\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "open(sys.argv[1] + '.new', 'w').write(str(os.getpid()))\n"
        "os.replace(sys.argv[1] + '.new', sys.argv[1])\n"
        "select.select([], [], [], 60)\n"
    )
    environment = {} if clear else dict(os.environ)
    os.execve(sys.executable, [sys.executable, "-c", code, path], environment)


def flood(_argument: str) -> None:
    """Start a child that prints as fast as it can."""
    if os.fork() == 0:
        while True:
            os.write(1, b"flood\n" * 1000)


def breed(argument: str) -> None:
    """Start so many children that end at once: zombies, unless a process reaps them."""
    for _ in range(int(argument)):
        if os.fork() == 0:
            if os.fork() == 0:
                pause()
            os._exit(0)


def ignore(name: str) -> None:
    signal.signal(signal.Signals[name], signal.SIG_IGN)


def tidy(path: str) -> None:
    """Handle SIGTERM from now on: write `path` after a while, then exit."""

    def leave(_signal: int, _frame: object) -> None:
        hang("0.3")
        Path(path).touch()
        sys.exit(0)

    signal.signal(signal.SIGTERM, leave)


def die(name: str) -> NoReturn:
    os.kill(os.getpid(), signal.Signals[name])
    hang("")
    raise AssertionError(f"{name} did not end the process")


def stop(_argument: str) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


VERBS: dict[str, Callable[[str], object]] = {
    "say": say,
    "raw": raw,
    "invalid": lambda size: raw(size, byte=b"\xff\xfe\x00"),
    "torn": lambda text: (sys.stdout.write(text), sys.stdout.flush()),
    "complain": complain,
    "write": write,
    "commit": commit,
    "wait": wait_for,
    "usage": usage,
    "hang": hang,
    "describe": describe,
    "hide": hide,
    "hide-clear": lambda path: hide(path, clear=True),
    "flood": flood,
    "breed": breed,
    "ignore": ignore,
    "tidy": tidy,
    "die": die,
    "stop": stop,
    "pid": lambda path: publish(path, str(os.getpid())),
    "exit": lambda code: sys.exit(int(code)),
}


def follow(steps: list[str]) -> None:
    for step in steps:
        verb, _, argument = step.partition("=")
        if verb == "script":
            follow(json.loads(Path(argument).read_text()))
        else:
            VERBS[verb](argument)


if __name__ == "__main__":
    follow(sys.argv[1:])
