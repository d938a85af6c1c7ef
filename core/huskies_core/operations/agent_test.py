"""One-turn test sessions of agents, each in a scratch repository."""

import subprocess
import tempfile
import time
from pathlib import Path

from msgspec import Struct
from msgspec.structs import asdict

from huskies_core.clock import to_iso
from huskies_core.config.records import Agent
from huskies_core.context import Context
from huskies_core.git.host import make_repository
from huskies_core.ids import RunId, StoryId
from huskies_core.operations.agents import known_agent
from huskies_core.operations.common_arguments import AgentArgument
from huskies_core.operations.operation import PERSON, Command, operation
from huskies_core.runs.account_limits import reset_of
from huskies_core.runs.programs import program_problem
from huskies_core.runs.request import environment_of
from huskies_core.runtimes.registry import load_runtime
from huskies_core.runtimes.runtime import Assignment, Reader
from huskies_core.sanitize import one_line
from huskies_core.scheduler.snapshot import take_snapshot
from huskies_core.supervisor.environment import RunVariables
from huskies_core.supervisor.kill import end_marked_processes
from huskies_core.supervisor.progress import read_output

PROMPT = "This is a test of your connection. Answer with the single word ready, and do nothing else.\n"
LONGEST_SECS = 120
NO_RUN = 0
"""Real runs are numbered from 1; processes with this number belong to a test session."""


class Trial(Struct, frozen=True):
    """The result of a test session. `problem` is empty if the agent answered; else `hint` helps."""

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


@operation(
    "test_agent",
    Command("agent test"),
    json=lambda trial: {**asdict(trial), "answered": not trial.problem},
    long=True,
    runs=PERSON,
)
def try_agent(context: Context, agent: AgentArgument) -> Trial:
    """Run a one-turn test session with an agent.

    The test shows whether the agent's program is installed and recent enough, is logged in, and is below the limits of
    its account. The session has the environment of the agent's runs, but no sandbox. It runs in a temporary repository
    and takes at most two minutes.
    """
    with context.store.reading() as db:
        configured = known_agent(take_snapshot(context, db), agent)
    problem = program_problem(configured, context.environ)
    reader = load_runtime(configured.runtime).make_reader()
    began = time.monotonic()
    if problem is None:
        with tempfile.TemporaryDirectory(prefix="huskies-agent-") as folder:
            problem = _answer(context, configured, Path(folder), reader)
    fact, hint = problem or ("", "")
    used = reader.usage.values()
    return Trial(
        agent=agent,
        problem=one_line(fact),
        hint=hint,
        session=reader.session_id,
        turns=reader.turns,
        input_tokens=int(sum(tokens.get("input_tokens", 0) for tokens in used)),
        output_tokens=int(sum(tokens.get("output_tokens", 0) for tokens in used)),
        cost_usd=reader.cost_usd,
        words=one_line(reader.last_words),
        seconds=round(time.monotonic() - began, 1),
    )


def _answer(context: Context, agent: Agent, folder: Path, reader: Reader) -> tuple[str, str] | None:
    prompt = folder / "prompt.md"
    prompt.write_text(PROMPT)
    repository = folder / "repository"
    make_repository(repository)
    assignment = Assignment(agent.command, agent.model, agent.system_prompt, agent.max_budget_usd)
    argv = load_runtime(agent.runtime).argv(assignment)
    if "/" in argv[0]:
        # The scratch repository does not have the programs of the project; its checkout does.
        argv = (str(context.project.root / argv[0]), *argv[1:])
    output = folder / "output.log"
    try:
        env = _environment(context, agent, repository, prompt)
        with prompt.open("rb") as stdin, output.open("wb") as log:
            session = subprocess.Popen(
                argv, cwd=repository, env=env, stdin=stdin, stdout=log, stderr=log, start_new_session=True
            )
    except OSError as error:
        return f"{argv[0]} cannot be started: {error.strerror}", "Check the command in agents.toml."
    code = _wait(session, repository)
    read_output(output, reader)
    return _problem(agent, code, reader)


def _wait(session: "subprocess.Popen[bytes]", repository: Path) -> int | None:
    """Return the exit code, or None after a timeout. End every process of the session, as after a run."""
    try:
        return session.wait(LONGEST_SECS)
    except subprocess.TimeoutExpired:
        return None
    finally:
        end_marked_processes(NO_RUN, str(repository))
        session.kill()
        session.wait()


def _problem(agent: Agent, code: int | None, reader: Reader) -> tuple[str, str] | None:
    hint = f"Log in to {agent.runtime}, or set its key in env or env_allow of agents.toml."
    if agent.runtime == "command":
        hint = "Start its command by hand, with a prompt on stdin."
    if code is None:
        return f"no answer within {LONGEST_SECS} s", "Start it by hand to see what it waits for."
    if reader.rate_limit is not None and reader.rate_limit.is_hard:
        resets_at = reset_of(reader.rate_limit)
        again = "later" if resets_at is None else f"after {to_iso(resets_at)}"
        return reader.rate_limit.detail or "its account is at a limit", f"Try again {again}."
    if reader.failure is not None:
        return reader.failure.detail, hint
    words = f": {reader.last_words}" if reader.last_words else ""
    return None if code == 0 else (f"exited with {code}{words}", hint)


def _environment(context: Context, agent: Agent, repository: Path, prompt: Path) -> dict[str, str]:
    """Return the environment of the agent's runs, without a story: `huskies` finds no project in the repository."""
    variables = RunVariables(
        project=str(repository),
        story_id=StoryId(0),
        run_id=RunId(NO_RUN),
        agent=agent.name,
        stage=agent.stage.value,
        base_branch=context.base_branch,
        worktree=str(repository),
        prompt_file=str(prompt),
    )
    return environment_of(context, agent, variables)
