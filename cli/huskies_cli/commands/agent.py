"""`huskies agent`: the agents, starting and stopping one, what it is told, and whether it answers at all."""

from typing import Annotated

import typer

from huskies_cli import render
from huskies_cli.options import StoryId
from huskies_cli.output import ErrorItem, Result, Status
from huskies_cli.render import Mark
from huskies_cli.session import session_of
from huskies_core.clock import to_iso
from huskies_core.context import open_context
from huskies_core.operations import agents, prompts
from huskies_core.operations.agent_test import Trial, try_agent
from huskies_core.operations.agents import AgentNow
from huskies_core.operations.documents import agent_document, prompt_document, run_document, trial_document
from huskies_core.store.rate_limits import Limit

Name = Annotated[
    str | None,
    typer.Option("--agent", metavar="A", help="The agent, by its name in agents.toml.", show_default=False),
]
AgentName = Annotated[
    str, typer.Argument(metavar="AGENT", help="The agent, by its name in agents.toml.", show_default=False)
]
COLUMNS = ("agent", "stage", "runtime", "model", "state", "story", "run")


def list_agents(ctx: typer.Context) -> Result:
    """List the agents and what they do.

    In the order of agents.toml, which is the order in which they are given work.
    """
    with open_context(session_of(ctx).start) as context:
        found = agents.list_agents(context)
    return Result(
        {"agents": [agent_document(now) for now in found]},
        text=lambda: render.table(COLUMNS, map(_row, found)),
    )


def start_agent(ctx: typer.Context, story: StoryId, agent: Name = None) -> Result:
    """Start an agent on a story.

    The stage of the story says which kind: a coder in backlog and coding, a QA agent in qa, a mergemaster after a
    conflict. An agent of stage other has to be named and works in any stage. A wait after a crash, or for a rate limit,
    is cut short; max_coders and budgets hold.
    """
    with open_context(session_of(ctx).start) as context:
        run = agents.start_agent(context, story, agent)
        limit = agents.limit_on(context, run)
    text = f"story {story}: {run.kind} run {run.id} by {run.agent}"
    return Result({"run": run_document(run)}, text=text, talk=() if limit is None else (_tried(limit),))


def _tried(limit: Limit) -> str:
    return f"The account of {limit.account} is at its limit until {to_iso(limit.until)}; it is tried all the same."


def stop_agent(ctx: typer.Context, story: StoryId) -> Result:
    """End a story's run and freeze the story.

    Its work stays in the worktree. 'huskies unfreeze' lets the story go on.
    """
    with open_context(session_of(ctx).start) as context:
        stopped = agents.stop_agent(context, story)
    run = stopped.run
    return Result(
        {"story": story, "stage": stopped.stage, "run": run_document(run)},
        text=f"story {story}: {run.kind} run {run.id} {run.outcome}, now {stopped.stage}",
    )


def show_prompt(ctx: typer.Context, story: StoryId, agent: Name = None) -> Result:
    """Print what an agent is told.

    It is what its live run of the story was sent, or else what would be sent if it began now: the story, what the last
    tries left, and what .huskies/AGENT.md says. A named agent is shown its prompt whatever the stage of the story;
    without one it is the agent that the story would get. Nothing is started.
    """
    with open_context(session_of(ctx).start) as context:
        prompt = prompts.show_prompt(context, story, agent)
    return Result(prompt_document(prompt), text=prompt.text.removesuffix("\n"))


def test_agent(ctx: typer.Context, agent: AgentName) -> Result:
    """Have an agent answer once.

    In a scratch repository far from any story, with the environment of its runs and at most two minutes: is its program
    there and new enough, is it logged in, is its account at a limit? Exit code 1 when it did not answer.
    """
    with open_context(session_of(ctx).start) as context:
        trial = try_agent(context, agent)
    document = trial_document(trial)
    if trial.problem:
        error = ErrorItem("no_answer", f"{agent}: {trial.problem}", trial.hint, agent)
        return Result(document, status=Status.ERROR, errors=(error,))
    return Result(document, text=lambda: _trial(trial))


def _trial(trial: Trial) -> str:
    return render.fields(
        [
            ("agent", f"{trial.agent} answered after {trial.seconds:g} s"),
            ("session", trial.session),
            ("turns", trial.turns),
            ("tokens", f"{trial.input_tokens:,} in, {trial.output_tokens:,} out"),
            ("cost", render.cost(trial.cost_usd)),
            ("words", trial.words),
        ]
    )


def _row(now: AgentNow) -> tuple[render.Cell, ...]:
    agent, run = now.agent, now.run
    about = (agent.name, agent.stage, agent.runtime, agent.model)
    if run is None:
        return (*about, render.mark(Mark.IDLE, "idle"), None, None)
    return (*about, render.mark(Mark.RUNNING, "running"), run.story, run.id)
