"""A module loaded before the program that kills it at a chosen effect.

The order is the first one left in the folder `orders/<name>` beside this file, `<name>` being the command or the module
that runs (`tick`, `advance`, `shim`) and, for what runs inside a run, the story's number (`process-3`). It says before
which effect on the world to die, by its number or by words of its description, and who dies along. All effects are
written down as they come, so that a test can look where to strike.
"""

import fcntl
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

ORDERS = Path(__file__).with_name("orders")
EFFECTS = {
    "open",
    "fcntl.flock",
    "os.exec",
    "os.fork",
    "os.kill",
    "os.killpg",
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.symlink",
    "os.truncate",
    "sqlite3.connect",
    "subprocess.Popen",
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def name() -> str:
    words = sys.orig_argv
    at = words.index("-m") + 1 if "-m" in words else len(words)
    module, *rest = words[at:] or [""]
    own = rest[0] if module == "huskies_cli.main" and rest else module.rpartition(".")[2]
    story = os.environ.get("HUSKIES_STORY_ID")
    return f"{own}-{story}" if story else own


def take_order(folder: Path) -> Path | None:
    """Take the first free order and return its new name."""
    for order in sorted(folder.glob("*.json")):
        try:
            return order.rename(order.with_suffix(".taken"))
        except FileNotFoundError:
            continue
    return None


class Death:
    """Counts effects and kills the process before one of them."""

    def __init__(self, order: Path) -> None:
        fields = json.loads(order.read_text())
        self.at, self.before, self.with_parent = (
            int(fields["at"]),
            str(fields["before"]),
            bool(fields["with_parent"]),
        )
        self.count, self.struck = 0, False
        self.trace = os.open(
            order.with_suffix(".trace"), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        )

    def see(self, event: str, args: tuple[Any, ...]) -> None:
        if self.struck or not is_effect(event, args):
            return
        self.count += 1
        effect = f"{event} {described(event, args)}"
        os.write(self.trace, f"{effect}\n".encode(errors="replace"))
        if self.count == self.at or (self.before and self.before in effect):
            self.strike()

    def strike(self) -> None:
        self.struck = True
        if self.with_parent and os.getppid() > 1:
            os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


def is_effect(event: str, args: tuple[Any, ...]) -> bool:
    """Return whether an event is an effect. Reads are not, and only exclusive locks are."""
    if event not in EFFECTS or "__pycache__" in str(args[:1]):
        return False
    if event == "fcntl.flock":
        return bool(args[1] & fcntl.LOCK_EX)
    if event == "os.mkdir":
        return not os.path.isdir(args[0])
    return event != "open" or bool(
        args[2] & WRITING and args[0] != os.devnull and not str(args[0]).endswith("lock")
    )


def described(event: str, args: tuple[Any, ...]) -> str:
    words = args[1] if event == "subprocess.Popen" else args[:2]
    return " ".join(map(str, words)).replace("\n", " ")


def live_or_die() -> None:
    order = take_order(ORDERS / name())
    if order is not None:
        sys.addaudithook(Death(order).see)


live_or_die()
