"""The channels that run a program: one of the project, or notify-send or osascript for desktop notifications."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from tempfile import TemporaryFile

from huskies_core.channels.message import STEP_SECS, Message, channel_error
from huskies_core.sanitize import one_line, tail

TEXT_VARIABLE = "HUSKIES_NOTIFICATION"
BUS_VARIABLE = "DBUS_SESSION_BUS_ADDRESS"
if sys.platform == "darwin":
    DESKTOP, DESKTOP_INSTALL = "osascript", "osascript is part of macOS."
else:
    DESKTOP = "notify-send"
    DESKTOP_INSTALL = "Install the package libnotify-bin, libnotify-tools or libnotify."
_SCRIPT = (
    *("-e", "on run argv"),
    *("-e", "display notification (item 2 of argv) with title (item 1 of argv)"),
    *("-e", "end run"),
)
_MOST_READ = 4096


def run(
    message: Message,
    command: Sequence[str],
    root: Path,
    environ: Mapping[str, str],
    within: float = STEP_SECS,
) -> None:
    """Run `command` at the project's root with the message as JSON on stdin and its text in HUSKIES_NOTIFICATION."""
    data = message.to_json()
    variables = {**environ, TEXT_VARIABLE: str(data["text"])}
    _run_to_end(command, variables, root, stdin=json.dumps(data).encode(), within=within)


def show(message: Message, environ: Mapping[str, str]) -> None:
    """Show the message on the desktop. Title and text are separate arguments, which no script or shell parses."""
    variables = dict(environ)
    if sys.platform == "darwin":
        command = (DESKTOP, *_SCRIPT, message.title, message.text)
    else:  # the body of a notification is markup here
        command = (DESKTOP, "--app-name=huskies", "--", message.title, escape(message.text, quote=False))
        # cron does not set the address of the user's session bus; its path is known.
        bus = os.path.join(environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}", "bus")
        if not environ.get(BUS_VARIABLE):
            if not os.path.exists(bus):
                fact = f"no desktop session: {BUS_VARIABLE} is not set, and {bus} does not exist"
                raise channel_error(fact)
            variables[BUS_VARIABLE] = f"unix:path={bus}"
    _run_to_end(command, variables, Path("/"), hint=DESKTOP_INSTALL)


def _run_to_end(
    command: Sequence[str],
    environ: Mapping[str, str],
    root: Path,
    *,
    stdin: bytes = b"",
    within: float = STEP_SECS,
    hint: str = "",
) -> None:
    """Run `command` at `root`; kill its process group after `within` seconds.

    Raise HuskiesError if it fails, takes too long or, with `hint`, cannot be started. stdin and stderr are files: a
    program that does not read, or a child that keeps stderr open, cannot block.
    """
    with TemporaryFile() as errors, TemporaryFile() as text:
        text.write(stdin)
        text.seek(0)
        null = subprocess.DEVNULL
        try:
            process = subprocess.Popen(
                command, cwd=root, env=environ, stdin=text, stdout=null, stderr=errors, start_new_session=True
            )
            code = process.wait(within)
        except OSError as error:
            raise channel_error(f"{command[0]} cannot be run: {error.strerror}", hint) from error
        except subprocess.TimeoutExpired as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise channel_error(f"{command[0]} was killed after {within:g} s") from error
        errors.seek(max(0, errors.seek(0, os.SEEK_END) - _MOST_READ))
        output = one_line(tail(errors.read().decode(errors="replace").strip(), 200))
    if code:
        raise channel_error(f"{command[0]} exited with {code}{f': {output}' if output else ''}")
