"""A run outlives the terminal, the cron job, the shell or the systemd unit that started it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from support.cli import HUSKIES
from support.waiting import wait_for_file, wait_until
from system.facts import NOTHING, no_leftovers, squash_commits
from system.project import WORK, Pipeline
from system.user_manager import control_groups, run_unit, user_manager

pytestmark = pytest.mark.system

ON_A_TERMINAL = (
    "import fcntl, os, sys, termios\n"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "os.execvp(sys.argv[1], sys.argv[1:])\n"
)
TICK_AND_STAY = '"$0" tick; echo ticked > "$1"; exec sleep 60'
UNIT_JOB = """
setsid sh -c 'echo $$ > "$0"; exec sleep 300' "$1" &
"$2" tick
while [ ! -s "$1" ]; do :; done
"""


class WaitingAgent:
    """A story whose agent writes its pid and waits for a file before it works."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self._pid, self._go = pipeline.scripts / "agent.pid", pipeline.scripts / "go"
        self.story = pipeline.add((f"pid={self._pid}", f"wait={self._go}", *WORK))

    def pid(self) -> int:
        """Return the pid of the agent when it has started."""
        return int(wait_for_file(self._pid, 60))

    def finish(self) -> tuple[list[tuple[str, str]], dict[int, int]]:
        """Let the agent finish. Return the runs with their outcomes, and the commits on the base branch."""
        self._go.touch()
        self.pipeline.wait_for(self.story)
        assert no_leftovers(self.pipeline) == NOTHING
        runs = [(run.kind.value, str(run.outcome)) for run in self.pipeline.runs()]
        return runs, squash_commits(self.pipeline)


@pytest.fixture
def agent(pipeline: Pipeline) -> WaitingAgent:
    return WaitingAgent(pipeline)


def result_without_interruption(agent: WaitingAgent) -> tuple[list[tuple[str, str]], dict[int, int]]:
    """Return the result of a story whose agent was not interrupted."""
    return [("coder", "completed"), ("gates", "completed"), ("merge", "completed")], {agent.story: 1}


def test_the_agent_outlives_the_terminal_it_was_started_from(agent: WaitingAgent) -> None:
    ours, theirs = os.openpty()
    shell: list[str | Path] = [
        sys.executable,
        "-c",
        ON_A_TERMINAL,
        "sh",
        "-c",
        '"$0" auto-assign; exec cat',
        HUSKIES,
    ]
    terminal = subprocess.Popen(
        shell, cwd=agent.pipeline.root, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    agent.pid()
    os.close(ours)
    assert (terminal.wait(30), agent.finish()) == (-signal.SIGHUP, result_without_interruption(agent))


@pytest.mark.parametrize("signum", [signal.SIGHUP, signal.SIGTERM, signal.SIGKILL])
def test_the_agent_outlives_the_process_group_that_ticked(
    agent: WaitingAgent, signum: signal.Signals
) -> None:
    ticked = agent.pipeline.scripts / "ticked"
    shell = subprocess.Popen(
        ["sh", "-c", TICK_AND_STAY, HUSKIES, ticked], cwd=agent.pipeline.root, start_new_session=True
    )
    wait_for_file(ticked, 60)
    agent.pid()
    os.killpg(shell.pid, signum)
    assert (shell.wait(30), agent.finish()) == (-signum, result_without_interruption(agent))


def test_the_agent_outlives_the_cron_job_that_ticked(agent: WaitingAgent) -> None:
    """Cron sets few variables and reads the output of the job to its end."""
    environment = {"HOME": os.environ["HOME"], "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LOGNAME": "root"}
    job = subprocess.run(
        ["/bin/sh", "-c", f"cd {agent.pipeline.root} && {HUSKIES} tick --quiet"],
        cwd="/",
        env=environment,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )
    agent.pid()
    assert (job.returncode, agent.finish()) == (0, result_without_interruption(agent))


def test_the_agent_outlives_the_oneshot_unit_that_ticked(agent: WaitingAgent, tmp_path: Path) -> None:
    """systemd ends all other processes of the unit, even in their own session."""
    pid_file, job = tmp_path / "other.pid", tmp_path / "job"
    job.write_text(UNIT_JOB)
    with user_manager(tmp_path / "manager.log"):
        status = run_unit("sh", job, pid_file, HUSKIES, cwd=agent.pipeline.root)
        wait_until(
            lambda: not psutil.pid_exists(int(pid_file.read_text())),
            30,
            what="the end of the other process of the unit",
        )
        groups = control_groups(agent.pid())
        assert (status, ".scope\n" in groups, agent.finish()) == (0, True, result_without_interruption(agent))
