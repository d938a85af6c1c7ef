"""Reading what an agent is told."""

from dataclasses import dataclass
from pathlib import Path

from huskies_core.config.records import Agent
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.operations.agents import kind_of, known_agent, refuse_epic
from huskies_core.runs.request import RunRequest, message_of
from huskies_core.runs.rules import Rule
from huskies_core.scheduler.blockers import candidates
from huskies_core.scheduler.decisions import StartRun
from huskies_core.scheduler.snapshot import Snapshot, take_snapshot
from huskies_core.store import stories
from huskies_core.store.runs import Run, RunKind
from huskies_core.store.stories import Story
from huskies_core.supervisor.run_directory import RunDirectory


@dataclass(frozen=True)
class Prompt:
    """What `agent` was told when its live `run` began, or, where `run` is None, what it would be told now."""

    story: int
    agent: str
    kind: RunKind
    run: int | None
    text: str


def show_prompt(context: Context, story: int, name: str | None = None) -> Prompt:
    """The prompt of the story's live run by that agent; without one, what the agent would be sent if it began now.

    Without a name it is the agent that the story would get, were all of them free. A named one need not be what the
    story's stage calls for: it is told what it would be told in its own. Nothing is started and nothing held against
    it, so that a prompt can be tried out at any time.
    """
    with context.store.reading() as db:
        seen = stories.load(db, story)
        snapshot = take_snapshot(context, db)
        named = None if name is None else known_agent(snapshot, name)
        sent = _sent(context, snapshot.live_run(seen.id), named)
        if sent is not None:
            return sent
        refuse_epic(seen)
        kind = kind_of(seen, None) if named is None else RunKind(named.stage.value)
        agent = named or _first(snapshot, seen, kind)
        decision = snapshot.decision(seen)
        note = decision.note if isinstance(decision, StartRun) and decision.kind is kind else ""
    text = message_of(context, RunRequest(seen, kind, agent, note), agent).text
    return Prompt(story, agent.name, kind, None, text)


def _sent(context: Context, live: Run | None, named: Agent | None) -> Prompt | None:
    """None, too, for a run that is only just being started."""
    if live is None or live.agent is None or (named is not None and live.agent != named.name):
        return None
    path = Path(RunDirectory(context.project.run_dir(live.id)).prompt)
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    return Prompt(live.story, live.agent, live.kind, live.id, text)


def _first(snapshot: Snapshot, story: Story, kind: RunKind) -> Agent:
    found = next(iter(candidates(snapshot, story, kind)), None)
    if found is None:
        hint = "'huskies agent list' shows those that there are."
        raise HuskiesError(
            f"no agent is there to be a {kind.value}", hint=hint, code=Rule.NO_AGENT, subject=str(story.id)
        )
    return found
