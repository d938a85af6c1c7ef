"""The desktop, by a notify-send that writes down what it was called with."""

import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from huskies_core.channels import desktop
from huskies_core.errors import HuskiesError
from support.messages import ONE, TWO

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="macOS has another program")
PROGRAMS = Path(__file__).parents[2] / "support" / "programs"


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """With that program on PATH, and no session."""
    path = f"{PROGRAMS}:/usr/bin:/bin"
    monkeypatch.setenv("PATH", path)
    log, runtime = str(tmp_path / "log"), str(tmp_path)
    return {"PATH": path, "NOTIFY_SEND_LOG": log, "XDG_RUNTIME_DIR": runtime}


def shown(tmp_path: Path) -> list[str]:
    return (tmp_path / "log").read_text().split("\0")[:-1]


def test_markup_in_a_title_is_text(environ: dict[str, str], tmp_path: Path) -> None:
    desktop.show(ONE, {**environ, "DBUS_SESSION_BUS_ADDRESS": "unix:path=/x"})
    assert shown(tmp_path) == [
        "--app-name=huskies",
        "--",
        "shop: Story 1 is blocked",
        "Fix &lt;b&gt;it&lt;/b&gt; (why &amp; how)\nhuskies unblock 1",
    ]


def test_a_session_is_found_by_its_place(environ: dict[str, str], tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bus:
        bus.bind(str(tmp_path / "bus"))
        desktop.show(TWO, environ)
    assert shown(tmp_path)[2] == "shop: 2 notices"


def test_without_a_session_that_is_told(environ: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(HuskiesError) as caught:
        desktop.show(ONE, environ)
    assert caught.value.message == (
        "no desktop session can be reached: DBUS_SESSION_BUS_ADDRESS is not set,"
        f" and there is no {tmp_path}/bus"
    )


def test_one_that_leaves_something_running_is_well(environ: dict[str, str], tmp_path: Path) -> None:
    """It keeps the stderr of what has ended."""
    program = tmp_path / "notify-send"
    program.write_text('#!/bin/sh\nsleep 600 &\necho $! > "$XDG_RUNTIME_DIR/child"\n')
    program.chmod(0o755)
    session = {"PATH": f"{tmp_path}:/usr/bin:/bin", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/x"}
    desktop.show(ONE, {**environ, **session})
    os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)
