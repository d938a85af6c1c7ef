"""Agents, their starts, stops and tests, and prompts as text."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from huskies_cli import render
from huskies_cli.command import Call
from huskies_cli.output import ErrorItem, Result
from huskies_cli.render import Mark
from huskies_core.clock import to_iso

if TYPE_CHECKING:
    from huskies_core.operations.agent_test import Trial
    from huskies_core.operations.agents import AgentNow, Prompt, Stopped
    from huskies_core.store.runs import Run

COLUMNS = ("agent", "stage", "runtime", "model", "state", "story", "run")


def list_agents(agents: "Sequence[AgentNow]", _: Call) -> Result:
    return Result(text=lambda: render.table(COLUMNS, map(_row, agents)))


def start_agent(run: "Run", call: Call) -> Result:
    from huskies_core.operations.agents import limit_on

    limit = limit_on(call.context, run)
    text = f"story {run.story}: {run.kind} run {run.id} by {run.agent}"
    if limit is None:
        return Result(text=text)
    advice = (
        f"The account of {limit.account} is at its limit until {to_iso(limit.until)}; the run may end early."
    )
    return Result(text=text, messages=(advice,))


def stop_agent(stopped: "Stopped", _: Call) -> Result:
    run = stopped.run
    return Result(text=f"story {stopped.story}: {run.kind} run {run.id} {run.outcome}, now {stopped.stage}")


def show(trial: "Trial", _: Call) -> Result:
    """Return the result of `test_agent`, a name that linters take for that of a test."""
    if trial.problem:
        error = ErrorItem("no_answer", f"{trial.agent}: {trial.problem}", trial.hint, trial.agent)
        return Result(errors=(error,))
    pairs = [
        ("agent", f"{trial.agent} answered after {trial.seconds:g} s"),
        ("session", trial.session),
        ("turns", trial.turns),
        ("tokens", f"{trial.input_tokens:,} in, {trial.output_tokens:,} out"),
        ("cost", render.cost(trial.cost_usd)),
        ("answer", trial.words),
    ]
    return Result(text=lambda: render.fields(pairs))


def agent_prompt(prompt: "Prompt", _: Call) -> Result:
    return Result(text=prompt.prompt)


def _row(now: "AgentNow") -> tuple[render.Cell, ...]:
    agent, run = now.agent, now.run
    about = (agent.name, agent.stage, agent.runtime, agent.model)
    if run is None:
        return (*about, render.mark(Mark.IDLE, "idle"), None, None)
    return (*about, render.mark(Mark.RUNNING, "running"), run.story, run.id)
