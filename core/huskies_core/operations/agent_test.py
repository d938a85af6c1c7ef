"""Trying an agent out: one answer of it, in a scratch repository, with no story anywhere near."""

import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from huskies_core.clock import to_iso
from huskies_core.config.records import Agent
from huskies_core.context import Context
from huskies_core.git.host import make_repository
from huskies_core.operations.agents import known_agent
from huskies_core.runs.account_limits import reset_of
from huskies_core.runs.agent_programs import program_problem
from huskies_core.runs.authorization import refuse_inside_run
from huskies_core.runs.own_program import own_program_dir
from huskies_core.runtimes.interface import Assignment, Reader
from huskies_core.runtimes.known import load_runtime
from huskies_core.sanitize import one_line
from huskies_core.scheduler.snapshot import take_snapshot
from huskies_core.supervisor.environment import Allowance, RunVariables, agent_environment, read_env_file
from huskies_core.supervisor.kill import free_marked
from huskies_core.supervisor.stream import read_output

PROMPT = "This is a test of your connection. Answer with the single word ready, and do nothing else.\n"
LONGEST_SECS = 120
NO_RUN = 0
"""Runs are numbered from 1: what carries this mark, in the scratch repository, is of the trial."""


@dataclass(frozen=True)
class Trial:
    """What came of it; `problem` is empty when the agent answered, `hint` what helps when it did not."""

    agent: str
    problem: str
    hint: str
    session: str | None
    turns: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    words: str
    seconds: float


def try_agent(context: Context, name: str) -> Trial:
    """Has the agent answer once, for at most two minutes, with the environment that its runs have.

    The repository it is started in is gone at the end, and so are its processes. It runs without the sandbox of its
    config: that is one of a story's worktree. Raises HuskiesError `unknown_agent`.
    """
    refuse_inside_run(context)
    with context.store.reading() as db:
        agent = known_agent(take_snapshot(context, db), name)
    wrong = program_problem(agent, context.environ)
    reader = load_runtime(agent.runtime).make_reader()
    began = time.monotonic()
    if wrong is None:
        with tempfile.TemporaryDirectory(prefix="huskies-agent-") as folder:
            wrong = _answer(context, agent, Path(folder), reader)
    problem, hint = wrong or ("", "")
    used = reader.usage.values()
    return Trial(
        agent=name,
        problem=one_line(problem),
        hint=hint,
        session=reader.session_id,
        turns=reader.turns,
        input_tokens=int(sum(one.get("input_tokens", 0) for one in used)),
        output_tokens=int(sum(one.get("output_tokens", 0) for one in used)),
        cost_usd=reader.cost_usd,
        words=one_line(reader.last_words),
        seconds=round(time.monotonic() - began, 1),
    )


def _answer(context: Context, agent: Agent, folder: Path, reader: Reader) -> tuple[str, str] | None:
    prompt = folder / "prompt.md"
    prompt.write_text(PROMPT)
    place = folder / "repository"
    make_repository(place)
    argv = load_runtime(agent.runtime).argv(
        Assignment(
            command=agent.command,
            model=agent.model,
            system_prompt=agent.system_prompt,
            max_budget_usd=agent.max_budget_usd,
        )
    )
    if "/" in argv[0]:
        # A program of the project's own lies in its checkout, as it would in a worktree.
        argv = (str(context.project.root / argv[0]), *argv[1:])
    output = folder / "output.log"
    try:
        with prompt.open("rb") as stdin, output.open("wb") as log:
            started = subprocess.Popen(
                argv,
                cwd=place,
                env=_environment(context, agent, place, prompt),
                stdin=stdin,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
    except OSError as error:
        return f"{argv[0]} cannot be started: {error.strerror}", "Check the command in agents.toml."
    code = _wait(started, place)
    read_output(output, reader)
    return _problem(agent, code, reader)


def _wait(started: "subprocess.Popen[bytes]", place: Path) -> int | None:
    """The exit code, None after too long. Whatever carries the mark of the trial is ended, as after a run."""
    try:
        return started.wait(LONGEST_SECS)
    except subprocess.TimeoutExpired:
        return None
    finally:
        free_marked(NO_RUN, str(place))
        started.kill()
        started.wait()


def _problem(agent: Agent, code: int | None, reader: Reader) -> tuple[str, str] | None:
    login = f"Is {agent.runtime} logged in, or its key in env, or named in env_allow, of agents.toml?"
    if code is None:
        return f"no end after {LONGEST_SECS} s", "Start it by hand to see what it waits for."
    if reader.rate_limit is not None and reader.rate_limit.is_hard:
        resets_at = reset_of(reader.rate_limit)
        again = "later" if resets_at is None else f"after {to_iso(resets_at)}"
        return reader.rate_limit.detail or "its account is at a limit", f"Try again {again}."
    if reader.failure is not None:
        return reader.failure.detail, login
    words = f": {reader.last_words}" if reader.last_words else ""
    return None if code == 0 else (f"exited with {code}{words}", login)


def _environment(context: Context, agent: Agent, place: Path, prompt: Path) -> dict[str, str]:
    """As its runs have it, but for the story: a huskies that it calls finds no project."""
    variables = RunVariables(
        project=str(place),
        story_id=0,
        run_id=NO_RUN,
        agent=agent.name,
        stage=agent.stage.value,
        base_branch=context.base_branch,
        worktree=str(place),
        prompt_file=str(prompt),
    )
    allowance = Allowance(agent.env, agent.env_allow, read_env_file(context.project.env_file))
    identity_known = not context.repository.identity
    return agent_environment(
        context.environ,
        variables,
        allowance,
        bin_dir=str(own_program_dir(context.project)),
        identity_known=identity_known,
    )
