"""Limits, progress and output of a working agent."""

import os
import signal
import sys
from pathlib import Path

import pytest

from huskies_core.supervisor.records import Limits, Role
from support.agents.runs import Runs, end_of
from support.waiting import wait_for_file, wait_until


@pytest.mark.parametrize(
    ("script", "limits", "limit", "detail"),
    [
        (('usage={"turns":4}',), Limits(max_turns=3), "max_turns", "max_turns: 4 of 3"),
        (('usage={"tool_turns":2}',), Limits(max_tool_turns=1), "max_tool_turns", "max_tool_turns: 2 of 1"),
        (
            ('usage={"cost_usd":0.6}', 'usage={"cost_usd":0.6}'),
            Limits(max_budget_usd=1.0),
            "max_budget_usd",
            "max_budget_usd: 1.2000 of 1.0000",
        ),
        (
            ("say=hm",),
            Limits(inactivity_timeout_secs=0.3),
            "inactivity_timeout_secs",
            "inactivity_timeout_secs: no output for 0.3 s",
        ),
        (("flood",), Limits(max_wall_secs=0.3), "max_wall_secs", "max_wall_secs: ran for 0.3 s"),
    ],
)
def test_an_exceeded_limit_ends_the_agent(
    runs: Runs, script: tuple[str, ...], limits: Limits, limit: str, detail: str
) -> None:
    _, ended = runs.finish(runs.step(*script, "hang"), limits=limits)
    assert ended.limit is not None
    assert (ended.limit.limit, ended.limit.detail) == (limit, detail)
    assert ended.steps[0].signal == signal.SIGTERM


def test_turns_up_to_the_limit_are_allowed(runs: Runs) -> None:
    _, ended = runs.finish(runs.step("usage={}", "usage={}"), limits=Limits(max_turns=2))
    assert (ended.limit, ended.steps[0].passed) == (None, True)


def test_a_message_is_no_tool_turn(runs: Runs) -> None:
    talk, work = ['usage={"turns":1}'] * 100, ['usage={"turns":1,"tool_turns":1}'] * 11
    limits = Limits(max_tool_turns=10)
    ended = [runs.finish(runs.step(*script), limits=limits)[1] for script in (talk, work[:10])]
    _, busy = runs.finish(runs.step(*work, "hang"), limits=limits)
    assert ([record.limit for record in ended], ended[0].progress.turns) == ([None, None], 100)
    assert (busy.limit and busy.limit.detail) == "max_tool_turns: 11 of 10"


def test_a_silent_gate_is_not_inactive(runs: Runs) -> None:
    gate = runs.step("hang=0.6", name="test", role=Role.GATE)
    _, ended = runs.finish(gate, limits=Limits(inactivity_timeout_secs=0.2, max_turns=0))
    assert (ended.limit, ended.steps[0].passed) == (None, True)


def test_waiting_for_a_rate_limit_is_not_inactivity(runs: Runs) -> None:
    read_as_wait(runs, 0.8)
    _, ended = runs.finish(runs.step("say=wait", "hang"), limits=Limits(inactivity_timeout_secs=0.2))
    assert ended.limit is not None
    quiet = "inactivity_timeout_secs: no output for 0.2 s"
    assert (ended.limit.detail, ended.steps[0].seconds >= 1.0) == (quiet, True)


@pytest.mark.parametrize("seconds", [9 * 86_400, 1e14])
def test_a_wait_for_longer_than_any_limit_is_inactivity(runs: Runs, seconds: float) -> None:
    read_as_wait(runs, seconds)
    limits = Limits(inactivity_timeout_secs=0.2, max_wall_secs=20)
    _, ended = runs.finish(runs.step("say=wait", "hang"), limits=limits)
    assert (ended.limit and ended.limit.limit) == "inactivity_timeout_secs"


def read_as_wait(runs: Runs, seconds: float) -> None:
    """Return a reader that always reports a wait of so many seconds."""
    runs.reader = "waiting_reader"
    (runs.root / "waiting_reader.py").write_text(
        "import time\n"
        "from huskies_core.runtimes.command import CommandReader\n"
        "class Waiting(CommandReader):\n"
        "    def feed(self, line):\n"
        f"        self.waiting_until = time.time() + {seconds}\n"
        "make_reader = Waiting\n"
    )
    runs.shim_env["PYTHONPATH"] = str(runs.root)


def test_progress_shows_the_usage_while_the_agent_works(runs: Runs) -> None:
    go = runs.root / "go"
    record = '{"model":"m","input_tokens":3,"output_tokens":5,"cost_usd":0.25,"session_id":"s-1"}'
    directory = runs.start(runs.step("say=working", f"usage={record}", f"wait={go}"))
    wait_until(lambda: (progress := directory.read_progress()) is not None and progress.turns == 1)
    progress = directory.read_progress()
    assert progress is not None
    assert (progress.step, progress.session_id, progress.cost_usd) == ("coder", "s-1", 0.25)
    assert progress.usage["m"].input_tokens == 3
    go.touch()
    end_of(directory)


def test_progress_is_not_rewritten_for_words_alone(runs: Runs) -> None:
    pid_file, more, go = (runs.root / name for name in ("said", "more", "go"))
    directory = runs.start(
        runs.step("usage={}", f"pid={pid_file}", f"wait={more}", "raw=300000", f"wait={go}")
    )
    wait_until(lambda: (progress := directory.read_progress()) is not None and progress.turns == 1)
    before = os.stat(directory.progress)
    more.touch()
    wait_until(lambda: os.stat(directory.output).st_size > 300_000)
    assert os.stat(directory.progress).st_ino == before.st_ino
    go.touch()
    end_of(directory)


def test_output_is_logged_unchanged_and_complete(runs: Runs) -> None:
    script = ("raw=10000000", "say=", "invalid=1000", "say=", "torn=no newline")
    directory, ended = runs.finish(runs.step(*script))
    log = Path(directory.output).read_bytes()
    assert log == b"x" * 10_000_000 + b"\n" + b"\xff\xfe\x00" * 1000 + b"\nno newline"
    assert (ended.steps[0].length, ended.progress.last_words) == (len(log), "no newline")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_shim_stays_small(runs: Runs) -> None:
    pid_file, go = runs.root / "said", runs.root / "go"
    directory = runs.start(runs.step("raw=10000000", f"pid={pid_file}", f"wait={go}"))
    wait_for_file(pid_file)
    wait_until(lambda: os.stat(directory.output).st_size == 10_000_000)
    shim = directory.read_shim()
    assert shim is not None
    status = Path(f"/proc/{shim.pid}/status").read_text()
    facts = dict(line.split(":\t") for line in status.splitlines() if line.startswith(("VmRSS", "Threads")))
    assert int(facts["VmRSS"].split()[0]) <= 20 * 1024
    assert facts["Threads"] == "1"
    go.touch()
    end_of(directory)


def test_a_full_disk_loses_output_but_not_the_end(runs: Runs) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    directory = runs.directory(1)
    os.makedirs(directory.path)
    os.symlink(full, directory.output)
    _, ended = runs.finish(runs.step("raw=100000", "say=", "usage={}"))
    assert (ended.steps[0].passed, ended.progress.turns, ended.lost_output_bytes > 100_000) == (True, 1, True)
