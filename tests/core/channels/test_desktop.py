"""The desktop channel, with a notify-send that logs its arguments."""

import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from huskies_core.channels.programs import show
from huskies_core.errors import HuskiesError
from support.messages import ONE, TWO

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="macOS has another program")
PROGRAMS = Path(__file__).parents[2] / "support" / "programs"


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return an environment with that program on PATH and without a session."""
    path = f"{PROGRAMS}:/usr/bin:/bin"
    monkeypatch.setenv("PATH", path)
    log, runtime = str(tmp_path / "log"), str(tmp_path)
    return {"PATH": path, "NOTIFY_SEND_LOG": log, "XDG_RUNTIME_DIR": runtime}


def shown(tmp_path: Path) -> list[str]:
    return (tmp_path / "log").read_text().split("\0")[:-1]


def test_markup_in_a_title_is_text(environ: dict[str, str], tmp_path: Path) -> None:
    show(ONE, {**environ, "DBUS_SESSION_BUS_ADDRESS": "unix:path=/x"})
    assert shown(tmp_path) == [
        "--app-name=huskies",
        "--",
        "shop: Story 1 is blocked",
        "Fix &lt;b&gt;it&lt;/b&gt; (why &amp; how)\nhuskies unblock 1",
    ]


def test_a_session_is_found_by_the_path_of_its_bus(environ: dict[str, str], tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bus:
        bus.bind(str(tmp_path / "bus"))
        show(TWO, environ)
    assert shown(tmp_path)[2] == "shop: 2 notices"


def test_a_missing_session_is_an_error(environ: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(HuskiesError) as caught:
        show(ONE, environ)
    assert caught.value.message == (
        f"no desktop session: DBUS_SESSION_BUS_ADDRESS is not set, and {tmp_path}/bus does not exist"
    )


def test_a_program_that_leaves_a_child_running_succeeds(environ: dict[str, str], tmp_path: Path) -> None:
    """The child keeps the stderr of the program open."""
    program = tmp_path / "notify-send"
    program.write_text('#!/bin/sh\nsleep 600 &\necho $! > "$XDG_RUNTIME_DIR/child"\n')
    program.chmod(0o755)
    session = {"PATH": f"{tmp_path}:/usr/bin:/bin", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/x"}
    show(ONE, {**environ, **session})
    os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)
