"""The prompts of agents."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from huskies_core.config.records import Agent
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.ids import RunId, StoryId
from huskies_core.operations.agents import kind_of, known_agent, note_for
from huskies_core.operations.common_arguments import StoryArgument, agent_argument
from huskies_core.operations.operation import Command, operation
from huskies_core.operations.story_events import refuse_epic
from huskies_core.runs.request import RunRequest, message_of
from huskies_core.runs.rules import Rule
from huskies_core.scheduler.blockers import candidates
from huskies_core.scheduler.snapshot import Snapshot, take_snapshot
from huskies_core.store import stories
from huskies_core.store.runs import Run, RunKind
from huskies_core.store.stories import Story
from huskies_core.supervisor.run_directory import RunDirectory


@dataclass(frozen=True)
class Prompt:
    """The prompt of the live `run` of an agent, or, if `run` is None, of a run that would start now."""

    story: StoryId
    agent: str
    kind: RunKind
    run: RunId | None
    prompt: str


@operation("agent_prompt", Command("agent prompt"), json=asdict)
def show_prompt(
    context: Context,
    story: StoryArgument,
    agent: Annotated[
        str | None,
        agent_argument("The agent's name in agents.toml. Default: the first that would get the story."),
    ] = None,
) -> Prompt:
    """Print the prompt of an agent.

    It is the prompt of the story's live run, or else the one of a run that would start now: the story, the handoff from
    earlier runs, and .huskies/AGENT.md. For a named agent the story may be in any stage. Nothing is started.
    """
    with context.store.reading() as db:
        current = stories.load(db, story)
        snapshot = take_snapshot(context, db)
        named = None if agent is None else known_agent(snapshot, agent)
        sent = _sent(context, snapshot.live_run(current.id), named)
        if sent is not None:
            return sent
        refuse_epic(current)
        kind = kind_of(current, None) if named is None else RunKind(named.stage.value)
        chosen = named or _first(snapshot, current, kind)
        request = RunRequest(current, kind, chosen, note_for(snapshot, current, kind))
    return Prompt(story, chosen.name, kind, None, message_of(context, request, chosen)[0])


def _sent(context: Context, live: Run | None, named: Agent | None) -> Prompt | None:
    """Return the prompt of the live run; None if there is no such run, or its files are not written yet."""
    if live is None or live.agent is None or (named is not None and live.agent != named.name):
        return None
    path = Path(RunDirectory(context.project.run_dir(live.id)).prompt)
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    return Prompt(live.story, live.agent, live.kind, live.id, text)


def _first(snapshot: Snapshot, story: Story, kind: RunKind) -> Agent:
    agent = next(iter(candidates(snapshot, story, kind)), None)
    if agent is None:
        fact, hint = f"there is no agent for a {kind.value} run", "'huskies agent list' shows the agents."
        raise HuskiesError(fact, hint=hint, code=Rule.NO_AGENT, subject=str(story.id))
    return agent
