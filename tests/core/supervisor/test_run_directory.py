"""The files of a run: written atomically, read as records, and never treated as missing when damaged."""

import json
import os
import stat
import sys
from _thread import get_native_id
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from huskies_core.atomic_file import replace_file
from huskies_core.errors import HuskiesError
from huskies_core.ids import RunId
from huskies_core.supervisor.progress import ProgressFile
from huskies_core.supervisor.records import (
    Exit,
    LimitHit,
    Limits,
    Progress,
    Role,
    RunSpec,
    Step,
    StepEnd,
    Usage,
)
from huskies_core.supervisor.run_directory import ExitFile, RunDirectory

STEP = StepEnd(
    name="test",
    role=Role.GATE,
    exit_code=1,
    signal=None,
    timed_out=False,
    detail="",
    started_at=5.0,
    seconds=2.5,
    offset=7,
    length=20,
)
ENDED = Exit(
    steps=(STEP,),
    limit=LimitHit("max_turns", "max_turns: 4 of 3"),
    stopped=True,
    progress=Progress(
        step="test", turns=4, usage={"m": Usage(1, 2, 3, 4, 0.5), "n": Usage()}, session_id="s"
    ),
    lost_output_bytes=3,
    survivors=("7 stuck",),
    started_at=1.0,
    at=9.0,
)


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    (tmp_path / "7").mkdir()
    return RunDirectory(tmp_path / "7")


def test_missing_files_are_read_as_none(directory: RunDirectory) -> None:
    read = (directory.read_progress(), directory.read_exit(), directory.read_kill(), directory.read_shim())
    assert read == (None,) * 4


def test_a_missing_spec_is_an_error(directory: RunDirectory) -> None:
    with pytest.raises(HuskiesError, match=r"spec\.json is missing"):
        directory.read_spec()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff", b'{"turns": 1}', b"null"])
def test_a_damaged_file_is_never_read_as_none(directory: RunDirectory, content: bytes) -> None:
    for path, read in (
        (directory.spec, directory.read_spec),
        (directory.progress, directory.read_progress),
        (directory.exit, directory.read_exit),
        (directory.shim, directory.read_shim),
    ):
        Path(path).write_bytes(content)
        with pytest.raises(HuskiesError, match="is damaged"):
            read()


@pytest.mark.parametrize(
    "changes",
    [
        {"stopped": 1},
        {"stopped": None},
        {"steps": {}},
        {"steps": [5]},
        {"limit": "max_turns"},
        {"survivors": "7 stuck"},
        {"progress": None},
        {"lost_output_bytes": 2**63},
        {"lost_output_bytes": True},
        {"at": float("nan")},
        {"at": "9"},
        {"steps": [{**asdict(STEP), "role": "cook"}]},
    ],
)
def test_a_record_with_a_value_of_another_type_is_damaged(
    directory: RunDirectory, changes: dict[str, object]
) -> None:
    Path(directory.exit).write_text(json.dumps({**asdict(ENDED), **changes}))
    with pytest.raises(HuskiesError, match="is damaged"):
        directory.read_exit()


def test_keys_of_another_version_are_ignored(directory: RunDirectory) -> None:
    steps = [{**asdict(STEP), "later": 1}]
    progress = {**asdict(ENDED.progress), "later": [1]}
    later = {**asdict(ENDED), "steps": steps, "progress": progress, "later": None}
    Path(directory.exit).write_text(json.dumps(later))
    assert directory.read_exit() == ENDED


def test_a_spec_is_read_without_the_values_of_its_environment(directory: RunDirectory) -> None:
    step = Step("coder", Role.AGENT, ("agent", "-p"), "/w", timeout_secs=1.5, stdin="/p")
    spec = RunSpec(
        RunId(7), "/p", (step,), {"KEY": "secret"}, Limits(max_turns=3), "reader", ("huskies", "advance", "7")
    )
    replace_file(directory.spec, spec.to_json().encode())
    assert directory.read_spec() == replace(spec, env={})
    assert RunSpec.from_json(spec.to_json(), spec.env) == spec


def test_an_exit_record_is_read_as_it_was_written(directory: RunDirectory) -> None:
    file = ExitFile(directory)
    assert directory.read_exit() is None
    file.publish(ENDED)
    assert (directory.read_exit(), os.listdir(directory.path)) == (ENDED, ["exit.json"])


def test_an_exit_record_is_written_to_the_reserved_space(directory: RunDirectory) -> None:
    file = ExitFile(directory)
    (reserved,) = Path(directory.path).iterdir()
    before = reserved.stat()
    wordy = replace(
        ENDED, progress=replace(ENDED.progress, last_words="w" * 100_000), survivors=("7 x" * 50,) * 500
    )
    file.publish(wordy)
    after = os.stat(directory.exit)
    assert (after.st_ino, after.st_size <= before.st_size) == (before.st_ino, True)
    ended = directory.read_exit()
    assert ended is not None
    assert (ended.steps, ended.limit, len(ended.survivors)) == (ENDED.steps, ENDED.limit, 20)


def test_a_file_is_replaced_atomically_and_readable_by_its_owner_only(directory: RunDirectory) -> None:
    directory.write_prompt("first")
    directory.write_prompt("second \udcff")
    facts = os.stat(directory.prompt)
    assert Path(directory.prompt).read_bytes() == b"second \xff"
    assert (stat.S_IMODE(facts.st_mode), os.listdir(directory.path)) == (0o600, ["prompt.md"])


@pytest.mark.skipif(sys.platform != "linux", reason="no /dev/full")
def test_a_full_disk_leaves_the_old_file(directory: RunDirectory) -> None:
    replace_file(directory.kill, b"old")
    os.symlink("/dev/full", f"{directory.kill}.{get_native_id()}.new")
    with pytest.raises(OSError, match="No space left"):
        replace_file(directory.kill, b"new")
    assert (Path(directory.kill).read_bytes(), os.listdir(directory.path)) == (b"old", ["kill.json"])


def test_threads_that_write_the_same_file_do_not_interfere(directory: RunDirectory) -> None:
    def write(number: int) -> None:
        for _ in range(200):
            replace_file(directory.kill, b"%d" % number, durable=True)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert (int(Path(directory.kill).read_bytes()) < 4, os.listdir(directory.path)) == (True, ["kill.json"])


def test_the_output_of_a_step_is_read_from_its_end(directory: RunDirectory) -> None:
    Path(directory.output).write_bytes(b"header\n" + b"0123456789\xff ends here" + b"trailer\n")
    step = replace(STEP, length=21)
    assert directory.read_output(step) == "0123456789\ufffd ends here"
    assert directory.read_output(step, limit=4) == "here"


def test_progress_is_written_when_figures_change_and_once_a_second(directory: RunDirectory) -> None:
    file = ProgressFile(directory.progress)
    assert file.offer(Progress(turns=1, last_words="one"), now=10.0) == float("inf")
    assert directory.read_progress() == Progress(turns=1, last_words="one")
    assert file.offer(Progress(turns=2), now=10.25) == 0.75
    assert file.offer(Progress(turns=1, last_words="two"), now=12.0) == float("inf")
    assert directory.read_progress() == Progress(turns=1, last_words="one")
    file.offer(Progress(turns=2), now=12.0)
    assert directory.read_progress() == Progress(turns=2)


def test_a_failed_write_of_the_progress_is_repeated(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "later")
    file = ProgressFile(directory.progress)
    assert file.offer(Progress(turns=1), now=10.0) == 1.0
    os.mkdir(directory.path)
    file.offer(Progress(turns=1), now=11.0)
    assert directory.read_progress() == Progress(turns=1)


@pytest.mark.parametrize("time", [1e12, 1e20, -1.0])
def test_a_time_that_no_clock_shows_is_damage(directory: RunDirectory, time: float) -> None:
    end = StepEnd(
        "gate", Role.GATE, 0, None, timed_out=False, detail="", started_at=time, seconds=1, offset=0, length=0
    )
    result = Exit(
        (end,),
        None,
        stopped=False,
        progress=Progress(),
        lost_output_bytes=0,
        survivors=(),
        started_at=1.0,
        at=2.0,
    )
    Path(directory.exit).write_text(json.dumps(asdict(result)))
    with pytest.raises(HuskiesError, match="is damaged"):
        directory.read_exit()
