"""The desktop of who is logged in: notify-send on Linux and BSD, osascript on macOS."""

import os
import sys
from collections.abc import Mapping
from html import escape
from pathlib import Path

from huskies_core.channels.channel import trouble
from huskies_core.channels.message import Message
from huskies_core.channels.subprocess_run import run_to_end

PROGRAM = "osascript" if sys.platform == "darwin" else "notify-send"
INSTALL = (
    "osascript is part of macOS."
    if sys.platform == "darwin"
    else "Install it: the package is called libnotify-bin, libnotify-tools or libnotify."
)
_SCRIPT = (
    *("-e", "on run argv"),
    *("-e", "display notification (item 2 of argv) with title (item 1 of argv)"),
    *("-e", "end run"),
)
BUS_VARIABLE = "DBUS_SESSION_BUS_ADDRESS"


def show(message: Message, environ: Mapping[str, str]) -> None:
    """Both texts are arguments of their own: no script and no shell reads them."""
    run_to_end(_command(message), _with_session(environ), Path("/"), hint=INSTALL)


def _command(message: Message) -> tuple[str, ...]:
    """The body of a notification may hold markup on Linux: what looks like it is text."""
    if sys.platform == "darwin":
        return (PROGRAM, *_SCRIPT, message.title, message.text)
    return (PROGRAM, "--app-name=huskies", "--", message.title, escape(message.text, quote=False))


def _with_session(environ: Mapping[str, str]) -> dict[str, str]:
    """What leads to the session of this user, also from cron, where its address is not known but its place is."""
    if sys.platform == "darwin" or environ.get(BUS_VARIABLE):
        return dict(environ)
    bus = os.path.join(environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}", "bus")
    if not os.path.exists(bus):
        raise trouble(f"no desktop session can be reached: {BUS_VARIABLE} is not set, and there is no {bus}")
    return {**environ, BUS_VARIABLE: f"unix:path={bus}"}
