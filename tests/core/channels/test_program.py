"""The command channel: its input and its failures."""

import json
import resource
from pathlib import Path

import psutil
import pytest

from huskies_core.channels.programs import run
from huskies_core.errors import HuskiesError
from support.messages import ONE
from support.waiting import wait_until

ENVIRON = {"PATH": "/usr/bin:/bin"}


def script(folder: Path, text: str) -> tuple[str, ...]:
    path = folder / "notify"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return ("./notify", "--to", "$(me)")


def error_of(command: tuple[str, ...], root: Path, within: float = 10.0) -> str:
    with pytest.raises(HuskiesError) as caught:
        run(ONE, command, root, ENVIRON, within)
    return caught.value.message


def test_a_program_reads_json_and_has_the_text_in_its_environment(tmp_path: Path) -> None:
    command = script(tmp_path, 'cat > read; printf %s "$HUSKIES_NOTIFICATION" > text; echo "$@" > arguments')
    run(ONE, command, tmp_path, ENVIRON)
    read, text, arguments = ((tmp_path / name).read_text() for name in ("read", "text", "arguments"))
    assert (json.loads(read), text) == (ONE.to_json(), f"{ONE.title}\n{ONE.text}")
    assert arguments == "--to $(me)\n"


def test_a_program_that_reads_nothing_succeeds(tmp_path: Path) -> None:
    run(ONE, ("true",), tmp_path, ENVIRON)


def test_the_error_has_the_last_line_of_stderr(tmp_path: Path) -> None:
    command = script(tmp_path, "printf 'no \\033[31mroute\\n' >&2; exit 3")
    assert error_of(command, tmp_path) == "./notify exited with 3: no route"
    assert error_of(("false",), tmp_path) == "false exited with 1"


def test_only_the_end_of_a_long_stderr_is_read(tmp_path: Path) -> None:
    command = script(tmp_path, "head -c 200000000 /dev/zero >&2; echo 'no route' >&2; exit 1")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    error = error_of(command, tmp_path)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert (error, grown < 100_000) == ("./notify exited with 1: no route", True)


def test_a_missing_program_is_an_error(tmp_path: Path) -> None:
    assert error_of(("./missing",), tmp_path) == "./missing cannot be run: No such file or directory"


def test_a_hanging_program_is_killed_with_its_children(tmp_path: Path) -> None:
    command = script(tmp_path, "sleep 600 & echo $! > child; wait")
    assert error_of(command, tmp_path, within=0.5) == "./notify was killed after 0.5 s"
    child = int((tmp_path / "child").read_text())
    wait_until(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie")


def test_a_child_that_keeps_running_does_not_block(tmp_path: Path) -> None:
    command = script(tmp_path, "sleep 600 & echo $! > child")
    run(ONE, command, tmp_path, ENVIRON)
    psutil.Process(int((tmp_path / "child").read_text())).kill()
