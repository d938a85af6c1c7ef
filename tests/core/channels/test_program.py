"""A program that is told: what it reads, and what it may do wrong."""

import json
import resource
from pathlib import Path

import psutil
import pytest

from huskies_core.channels.program import run
from huskies_core.errors import HuskiesError
from support.messages import ONE
from support.waiting import wait_until

ENVIRON = {"PATH": "/usr/bin:/bin"}


def script(folder: Path, text: str) -> tuple[str, ...]:
    path = folder / "tell"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return ("./tell", "--to", "$(me)")


def trouble(command: tuple[str, ...], root: Path, within: float = 10.0) -> str:
    with pytest.raises(HuskiesError) as caught:
        run(ONE, command, root, ENVIRON, within)
    return caught.value.message


def test_it_reads_json_and_finds_the_text_in_its_environment(tmp_path: Path) -> None:
    command = script(tmp_path, 'cat > read; printf %s "$HUSKIES_NOTIFICATION" > text; echo "$@" > arguments')
    run(ONE, command, tmp_path, ENVIRON)
    read, text, arguments = ((tmp_path / name).read_text() for name in ("read", "text", "arguments"))
    assert (json.loads(read), text) == (ONE.document(), f"{ONE.title}\n{ONE.text}")
    assert arguments == "--to $(me)\n"


def test_one_that_reads_nothing_is_well(tmp_path: Path) -> None:
    run(ONE, ("true",), tmp_path, ENVIRON)


def test_one_that_fails_is_told_with_its_last_words(tmp_path: Path) -> None:
    command = script(tmp_path, "printf 'no \\033[31mway\\n' >&2; exit 3")
    assert trouble(command, tmp_path) == "./tell exited with 3: no way"
    assert trouble(("false",), tmp_path) == "false exited with 1"


def test_of_one_that_prints_without_end_no_more_than_the_end_is_read(tmp_path: Path) -> None:
    command = script(tmp_path, "head -c 200000000 /dev/zero >&2; echo 'no way' >&2; exit 1")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    said = trouble(command, tmp_path)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert (said, grown < 100_000) == ("./tell exited with 1: no way", True)


def test_one_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert trouble(("./nowhere",), tmp_path) == "./nowhere cannot be run: No such file or directory"


def test_one_that_hangs_is_ended_with_what_it_started(tmp_path: Path) -> None:
    command = script(tmp_path, "sleep 600 & echo $! > child; wait")
    assert trouble(command, tmp_path, within=0.5) == "./tell took longer than 0.5 s and was ended"
    child = int((tmp_path / "child").read_text())
    wait_until(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie")


def test_one_that_leaves_something_running_holds_nobody_up(tmp_path: Path) -> None:
    command = script(tmp_path, "sleep 600 & echo $! > child")
    run(ONE, command, tmp_path, ENVIRON)
    psutil.Process(int((tmp_path / "child").read_text())).kill()
