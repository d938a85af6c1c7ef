"""A run from its launch to the program that its supervisor becomes, with real processes."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import huskies_core
from huskies_core.supervisor.records import Role
from huskies_core.supervisor.run_directory import is_alive
from support.agents.runs import AGENT, Runs, end_of, timed
from support.waiting import wait_for_file, wait_until


def test_an_agent_runs_to_its_end(runs: Runs) -> None:
    directory, ended = runs.finish(
        runs.step("say=hello", 'usage={"model":"m","output_tokens":7,"cost_usd":0.5}')
    )
    (step,) = ended.steps
    facts = (step.name, step.role, step.exit_code, step.signal, step.timed_out, step.detail, step.passed)
    assert facts == ("coder", Role.AGENT, 0, None, False, "", True)
    assert (ended.limit, ended.stopped, ended.survivors, ended.lost_output_bytes) == (None, False, (), 0)
    progress = ended.progress
    assert (progress.turns, progress.cost_usd, progress.usage["m"].output_tokens) == (1, 0.5, 7)
    assert (progress.last_words, progress.step) == ("hello", "coder")
    assert directory.read_output(step).startswith("hello\n")
    assert ended.started_at <= step.started_at <= ended.at


def test_the_first_failing_step_is_the_last(runs: Runs) -> None:
    setup = runs.step("say=ready", name="setup", role=Role.SETUP)
    gate = runs.step("complain=1 failed", "exit=7", name="test", role=Role.GATE)
    directory, ended = runs.finish(setup, gate, runs.step("say=never"))
    assert [(step.name, step.exit_code) for step in ended.steps] == [("setup", 0), ("test", 7)]
    assert directory.read_output(ended.steps[1]) == "1 failed\n"
    headers = [
        line for line in Path(directory.output).read_text().split("\n") if line.startswith("== huskies: ")
    ]
    assert len(headers) == 4
    assert headers[3].startswith("== huskies: test: exit 7 after ")


@pytest.mark.parametrize(
    ("argv", "code", "detail"),
    [
        (("no-such-program",), 127, "cannot start 'no-such-program': No such file or directory"),
        ((os.path.dirname(__file__),), 126, f"cannot start '{os.path.dirname(__file__)}': Permission denied"),
    ],
)
def test_a_program_that_cannot_start_is_a_failure_with_a_message(
    runs: Runs, argv: tuple[str, ...], code: int, detail: str
) -> None:
    step = runs.step()
    directory, ended = runs.finish(type(step)(step.name, step.role, argv, step.cwd))
    assert [(step.exit_code, step.detail) for step in ended.steps] == [(code, detail)]
    assert detail in directory.read_output(ended.steps[0])


def test_a_missing_working_directory_is_named(runs: Runs) -> None:
    step = runs.step()
    _, ended = runs.finish(type(step)(step.name, step.role, ("true",), "/no/such/place"))
    assert ended.steps[0].detail == "cannot start 'true': No such file or directory: '/no/such/place'"


def test_death_by_a_signal_differs_from_an_exit(runs: Runs) -> None:
    _, ended = runs.finish(runs.step("die=SIGSEGV"))
    assert [(step.exit_code, step.signal) for step in ended.steps] == [(None, signal.SIGSEGV)]


def test_a_program_starts_as_from_a_fresh_login(runs: Runs) -> None:
    runs.env = {"PATH": os.environ["PATH"], "GREETING": "hi", "TMPDIR": os.environ["TMPDIR"]}
    prompt = runs.root / "prompt"
    prompt.write_text("do it")
    facts_file = runs.root / "facts"
    step = runs.step(f"describe={facts_file}")
    step = type(step)(step.name, step.role, step.argv, step.cwd, stdin=str(prompt))
    directory, _ = runs.finish(step)
    facts = json.loads(facts_file.read_text())
    environment = facts["env"]
    environment.pop("LC_CTYPE", None)
    assert environment == {**runs.env, "HUSKIES_RUN_ID": "1", "HUSKIES_PROJECT": str(runs.root)}
    assert (facts["cwd"], facts["stdin"], facts["leads_group"]) == (str(runs.root), "do it", True)
    # Nothing but the standard streams, and what listing them opens.
    assert facts["descriptors"] == ["0", "1", "2", "3"]
    if sys.platform == "linux":
        blocked, ignored = (line.split()[1] for line in facts["signals"])
        # Python itself ignores two. Two more are the C library's own, and may come ignored from what started the tests.
        settable = signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}
        ours = sum(1 << (number - 1) for number in settable)
        assert (int(blocked, 16), int(ignored, 16) & ours, facts["ignored"]) == (0, 0, [])
    assert stat.S_IMODE(os.stat(directory.path).st_mode) == 0o700


def test_sigpipe_is_no_longer_ignored_in_a_step(runs: Runs) -> None:
    step = runs.step()
    shell = ("sh", "-c", "kill -PIPE $$; echo survived")
    _, ended = runs.finish(type(step)(step.name, step.role, shell, step.cwd))
    assert ended.steps[0].signal == signal.SIGPIPE


def test_no_value_of_the_environment_is_written_to_the_disk(runs: Runs) -> None:
    runs.env = {**runs.env, "API_KEY": "s3cret-value"}
    directory, _ = runs.finish(runs.step("say=done"))
    holding = [file.name for file in Path(directory.path).iterdir() if b"s3cret-value" in file.read_bytes()]
    assert (holding, "API_KEY" in Path(directory.spec).read_text()) == ([], True)


def test_advance_inherits_the_lock_and_a_clean_slate(runs: Runs) -> None:
    facts_file, go = runs.root / "facts", runs.root / "go"
    runs.advance = (sys.executable, str(AGENT), f"describe={facts_file}", f"wait={go}", "complain=advanced")
    directory = runs.start(runs.step("say=done"))
    facts = json.loads(wait_for_file(facts_file))
    lock = facts["env"].pop("HUSKIES_RUN_LOCK_FD")
    assert is_alive(directory)
    ended = directory.read_exit()
    assert ended is not None
    assert ended.steps[0].passed
    assert (lock in facts["descriptors"], len(facts["descriptors"])) == (True, 5)
    assert (facts["cwd"], "HUSKIES_RUN_ID" in facts["env"]) == (str(runs.root), False)
    if sys.platform == "linux":
        assert facts["signals"][0].split()[1] == "0" * 16
    go.touch()
    end_of(directory)
    assert Path(directory.advance_log).read_text() == "advanced\n"


def test_an_advance_that_cannot_start_releases_the_lock(runs: Runs) -> None:
    runs.advance = ("no-such-huskies",)
    directory, ended = runs.finish(runs.step("say=done"))
    assert ended.steps[0].passed
    assert "no-such-huskies" in Path(directory.advance_log).read_text()


def test_the_run_ends_with_its_main_process_although_another_keeps_the_pipe_open(runs: Runs) -> None:
    _, ended = runs.finish(runs.step("say=begun", "flood"))
    assert (ended.steps[0].passed, ended.survivors) == (True, ())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives orphans to a supervisor")
def test_processes_in_another_session_are_killed_before_the_exit_record_is_written(runs: Runs) -> None:
    hidden, cleared = runs.root / "hidden", runs.root / "cleared"
    _, ended = runs.finish(runs.step(f"hide={hidden}", f"hide-clear={cleared}"))
    assert ended.survivors == ()
    for file in (hidden, cleared):
        assert not Path(f"/proc/{file.read_text()}").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives orphans to a supervisor")
def test_zombies_are_reaped_while_the_agent_continues(runs: Runs) -> None:
    bred, go = runs.root / "bred", runs.root / "go"
    directory = runs.start(runs.step("breed=30", f"pid={bred}", f"wait={go}"))
    wait_for_file(bred)
    shim = directory.read_shim()
    assert shim is not None

    def only_the_agent() -> bool:
        children = Path(f"/proc/{shim.pid}/task/{shim.pid}/children").read_text().split()
        return children == [bred.read_text()]

    wait_until(only_the_agent)
    go.touch()
    end_of(directory)


def test_a_stopped_gate_ends_at_its_timeout(runs: Runs) -> None:
    gate = timed(runs.step("say=slow", "ignore=SIGTERM", "stop", name="test", role=Role.GATE), 0.3)
    directory, ended = runs.finish(gate, runs.step("say=never"))
    (step,) = ended.steps
    assert (step.timed_out, step.passed, step.detail) == (True, False, "timed out after 0.3 s")
    assert directory.read_output(step) == "slow\n"


def test_sigterm_to_the_shim_ends_the_run_without_advancing(runs: Runs) -> None:
    advanced, ready = runs.root / "advanced", runs.root / "ready"
    runs.advance = ("touch", str(advanced))
    directory = runs.start(runs.step(f"pid={ready}", "hang"), runs.step("say=never"))
    wait_for_file(ready)
    shim = directory.read_shim()
    assert shim is not None
    for signum in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        os.kill(shim.pid, signum)
    ended = end_of(directory)
    assert (ended.stopped, [step.signal for step in ended.steps]) == (True, [signal.SIGTERM])
    assert not advanced.exists()


@pytest.mark.usefixtures("processes")
def test_the_shim_imports_the_standard_library_alone() -> None:
    core = Path(huskies_core.__file__).parents[1]
    code = f"import sys; sys.path.append({str(core)!r}); import huskies_core.supervisor.shim"
    # Without site there are no installed packages to find.
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)
