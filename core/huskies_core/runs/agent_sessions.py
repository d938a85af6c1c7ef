"""The sessions of agents. An agent that starts on a story again can resume the session of its last run.

The content of a story has one session for each kind of run. Coders and mergemasters resume theirs and get a short
prompt with the results since then. QA starts a new session after each change.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from huskies_core.config.records import Agent
from huskies_core.ids import Seq, Visit
from huskies_core.runtimes.registry import load_runtime, runtime_names
from huskies_core.store import content, stories
from huskies_core.store.connection import Connection
from huskies_core.store.runs import Outcome, Run, RunKind
from huskies_core.store.stories import Story
from huskies_core.supervisor.records import Progress


class AgentSession(msgspec.Struct, frozen=True):
    """A session and its agent. `seq` and `visit` are those of the last run that used the session."""

    id: str
    agent: str
    runtime: str
    model: str | None
    seq: Seq
    visit: Visit


def has_sessions(run: Run) -> bool:
    """Return whether the run's program has sessions that can be resumed."""
    return run.runtime in runtime_names() and load_runtime(run.runtime).resumes


def remember(db: Connection, run: Run, progress: Progress, outcome: Outcome, *, now: datetime) -> None:
    """Store the session of a run that has ended.

    Remove the session of a run that failed before its model responded: the program may no longer have it, and then each
    later attempt would fail, too.
    """
    if run.agent is None or run.runtime is None or stories.load(db, run.story).is_terminal:
        return
    stored, session = _parse(content.of_story(db, run.story)), progress.session_id
    sessions = {kind: entry for kind, entry in stored.items() if kind != run.kind.value}
    if session is not None and not (outcome is Outcome.FAILED and progress.turns == 0):
        sessions[run.kind.value] = AgentSession(
            session, run.agent, run.runtime, run.model, run.seq, run.visit
        )
    elif outcome is not Outcome.FAILED:
        return
    if sessions != stored:
        content.put(db, run.story, content.SESSIONS, msgspec.json.encode(sessions).decode(), now=now)


def session_to_resume(story: Story, kind: RunKind, agent: Agent, texts: Mapping[str, str]) -> str | None:
    """Return the session that `agent` resumes, or None for a new one. `texts` is the content of the story.

    The session must belong to the same agent, program and model, and be newer than the last reset of the counts.
    """
    session = _parse(texts).get(kind.value)
    if session is None or not load_runtime(agent.runtime).resumes:
        return None
    is_own = (session.agent, session.runtime, session.model) == (agent.name, agent.runtime, agent.model)
    is_recent = session.seq > story.reset_seq and (kind is not RunKind.QA or session.visit == story.visit)
    return session.id if is_own and is_recent else None


def _parse(texts: Mapping[str, str]) -> dict[str, AgentSession]:
    return msgspec.json.decode(texts.get(content.SESSIONS, "{}"), type=dict[str, AgentSession])
