"""Desktop notifications: notify-send on Linux and BSD, osascript on macOS."""

import os
import sys
from collections.abc import Mapping
from html import escape
from pathlib import Path

from huskies_core.channels.channel import channel_error
from huskies_core.channels.message import Message
from huskies_core.channels.program import run_to_end

PROGRAM = "osascript" if sys.platform == "darwin" else "notify-send"
INSTALL = (
    "osascript is part of macOS."
    if sys.platform == "darwin"
    else "Install the package libnotify-bin, libnotify-tools or libnotify."
)
_SCRIPT = (
    *("-e", "on run argv"),
    *("-e", "display notification (item 2 of argv) with title (item 1 of argv)"),
    *("-e", "end run"),
)
BUS_VARIABLE = "DBUS_SESSION_BUS_ADDRESS"


def show(message: Message, environ: Mapping[str, str]) -> None:
    """Show the message. Title and text are separate arguments, which no script or shell parses."""
    if sys.platform == "darwin":
        command = (PROGRAM, *_SCRIPT, message.title, message.text)
    else:  # the body of a notification is markup here
        command = (PROGRAM, "--app-name=huskies", "--", message.title, escape(message.text, quote=False))
    run_to_end(command, _with_session(environ), Path("/"), hint=INSTALL)


def _with_session(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with the address of the user's session bus. cron does not set it; its path is known."""
    if sys.platform == "darwin" or environ.get(BUS_VARIABLE):
        return dict(environ)
    bus = os.path.join(environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}", "bus")
    if not os.path.exists(bus):
        raise channel_error(f"no desktop session: {BUS_VARIABLE} is not set, and {bus} does not exist")
    return {**environ, BUS_VARIABLE: f"unix:path={bus}"}
