"""A supervisor logs an endless line of its agent completely and needs little memory."""

import os
from pathlib import Path

import psutil
import pytest

from huskies_core.runtimes.registry import reader_module, runtime_names
from support.agents.runs import Runs, end_of
from support.waiting import wait_until

LINE = 10_000_000
MOST_MIB = 24.0
"""Twice the memory of a supervisor that has read nothing."""


@pytest.mark.parametrize("runtime", runtime_names())
def test_ten_megabytes_in_one_line_are_logged_but_not_kept_in_memory(
    runs: Runs, tmp_path: Path, runtime: str
) -> None:
    go, begun = tmp_path / "go", tmp_path / "begun"
    runs.reader = reader_module(runtime)
    script = (
        f"raw={LINE}",
        "say=",
        "invalid=1000",
        "say=",
        'torn={"type": "resu',
        f"write={begun}:",
        f"wait={go}",
    )
    directory = runs.start(runs.step(*script, "exit=0"))
    wait_until(begun.exists, 30)
    wait_until(lambda: os.path.getsize(directory.output) > LINE + 3000, 30)
    shim = directory.read_shim()
    assert shim is not None
    used = psutil.Process(shim.pid).memory_info().rss / 2**20
    go.touch()
    ended = end_of(directory)
    log = Path(directory.output).read_bytes()
    assert (ended.steps[0].exit_code, ended.lost_output_bytes, used < MOST_MIB) == (0, 0, True), used
    assert (log.count(b"x"), log.count(b"\xff\xfe\x00"), log[-14:]) == (LINE, 1000, b'{"type": "resu')
