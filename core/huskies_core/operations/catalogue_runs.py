"""The tools for agents and runs."""

from dataclasses import dataclass

from huskies_core.context import Context
from huskies_core.operations import agent_test, agents, gates, output, prompts, runs
from huskies_core.operations.arguments import argument
from huskies_core.operations.catalogue_stories import Nothing, OfStory
from huskies_core.operations.documents import (
    Document,
    agent_document,
    error_document,
    prompt_document,
    run_document,
    run_now_document,
    trial_document,
)
from huskies_core.operations.page_documents import run_page_document
from huskies_core.operations.registry import Tool

MOST_RUNS = 20
MOST_OUTPUT = 20_000


@dataclass(frozen=True, kw_only=True)
class StartAgent(OfStory):
    agent: str | None = argument(
        "The agent, by its name in agents.toml; without one, whoever is free.", default=None
    )


@dataclass(frozen=True, kw_only=True)
class AgentPrompt(OfStory):
    agent: str | None = argument(
        "The agent, by its name in agents.toml; without one, the first that would be given the story.",
        default=None,
    )


@dataclass(frozen=True, kw_only=True)
class ListRuns:
    story: int | None = argument("Only those of the story of that id.", default=None, least=1)
    live: bool = argument("Only those that have not ended.", default=False)
    limit: int = argument("At most so many; 0 is all.", default=MOST_RUNS, least=0)


@dataclass(frozen=True, kw_only=True)
class OfRun:
    run: int = argument("The run's number.", least=1)


@dataclass(frozen=True, kw_only=True)
class GetOutput(OfStory):
    run: int | None = argument(
        "The run's number; without one, the story's live run or its last one.", default=None, least=1
    )
    limit: int = argument(
        "At most so many characters, the last ones; 0 is all.", default=MOST_OUTPUT, least=0
    )


def _list_agents(context: Context, _: Nothing) -> Document:
    return {"agents": [agent_document(now) for now in agents.list_agents(context)]}


def _start_agent(context: Context, wanted: StartAgent) -> Document:
    return {"run": run_document(agents.start_agent(context, wanted.id, wanted.agent))}


def _stop_agent(context: Context, wanted: OfStory) -> Document:
    stopped = agents.stop_agent(context, wanted.id)
    return {"story": stopped.story, "stage": stopped.stage, "run": run_document(stopped.run)}


def _agent_prompt(context: Context, wanted: AgentPrompt) -> Document:
    return prompt_document(prompts.show_prompt(context, wanted.id, wanted.agent))


@dataclass(frozen=True, kw_only=True)
class TestAgent:
    agent: str = argument("The agent, by its name in agents.toml.")


def _test_agent(context: Context, wanted: TestAgent) -> Document:
    return trial_document(agent_test.try_agent(context, wanted.agent))


def _run_gates(context: Context, wanted: OfStory) -> Document:
    return {"run": run_document(gates.run_gates(context, wanted.id))}


def _list_runs(context: Context, wanted: ListRuns) -> Document:
    found = runs.list_runs(context, live=wanted.live, story=wanted.story, limit=wanted.limit)
    return {
        "runs": [run_now_document(now) for now in found],
        "errors": [error_document(error) for error in runs.troubles(found)],
    }


def _show_run(context: Context, wanted: OfRun) -> Document:
    return run_page_document(runs.show_run(context, wanted.run))


def _kill_run(context: Context, wanted: OfRun) -> Document:
    return {"run": run_document(runs.kill_run(context, wanted.run))}


def _get_output(context: Context, wanted: GetOutput) -> Document:
    log = output.find_log(context, wanted.id, wanted.run)
    latest = output.latest(log, wanted.limit)
    return {"run": run_document(log.run), "output": latest.text, "whole": latest.is_whole}


TOOLS = (
    Tool(
        "list_agents",
        "List the agents and what each is doing now.",
        Nothing,
        _list_agents,
        writes=False,
    ),
    Tool(
        "start_agent",
        "Start an agent on a story at once; the story's stage says which kind. One in the backlog is started first.",
        StartAgent,
        _start_agent,
        writes=True,
        long=True,
    ),
    Tool(
        "stop_agent",
        "End a story's run and freeze the story. Its work stays in the worktree.",
        OfStory,
        _stop_agent,
        writes=True,
    ),
    Tool(
        "agent_prompt",
        "Show what an agent was told when its live run of a story began, or what it would be told if it began now.",
        AgentPrompt,
        _agent_prompt,
        writes=False,
    ),
    Tool(
        "test_agent",
        "Have an agent answer once, in a scratch repository far from any story: is it there, logged in, and not at a"
        " limit? Takes at most two minutes.",
        TestAgent,
        _test_agent,
        writes=False,
        long=True,
    ),
    Tool(
        "run_gates",
        "Start the gates on what a story in coding or QA has committed. What follows in coding is the same as after a"
        " coder's run: the story goes on, or back to a coder with the output.",
        OfStory,
        _run_gates,
        writes=True,
        long=True,
    ),
    Tool("list_runs", "List runs, the latest first.", ListRuns, _list_runs, writes=False),
    Tool(
        "show_run",
        "Show all that is known of a run: how it ended, each step, what git said at its end, where its files are.",
        OfRun,
        _show_run,
        writes=False,
    ),
    Tool(
        "kill_run",
        "End one run as if it had crashed: its story stays where it is and is taken up again.",
        OfRun,
        _kill_run,
        writes=True,
    ),
    Tool(
        "get_output",
        "Get what a run printed, the last part of it, without control characters.",
        GetOutput,
        _get_output,
        writes=False,
    ),
)
