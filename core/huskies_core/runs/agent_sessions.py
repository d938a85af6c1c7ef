"""The sessions of agents: which one an agent goes on with when it is started on a story again.

Remembered for each kind of run as content of the story. A coder and a mergemaster go on with theirs, so that what they
have read need not be read again; what is new since then is in the nudge. QA judges afresh after each new work.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from huskies_core.config.records import Agent
from huskies_core.runtimes.known import load_runtime, runtime_names
from huskies_core.store import content, stories
from huskies_core.store.connection import Connection
from huskies_core.store.runs import Outcome, Run, RunKind
from huskies_core.store.stories import Story


@dataclass(frozen=True)
class Session:
    """Whose it is, and when the run that had it last was started: in which visit, at which journal position."""

    id: str
    agent: str
    runtime: str
    model: str | None
    seq: int
    visit: int


def has_any(run: Run) -> bool:
    """Whether the program of a run gives out sessions that can be gone on with."""
    return run.runtime in runtime_names() and load_runtime(run.runtime).resumes


def remember(
    db: Connection, run: Run, session: str | None, outcome: Outcome, *, turns: int, now: datetime
) -> None:
    """Keeps the session of a run that has ended. One that failed before its model said anything is not gone on with:
    what its program no longer knows must not fail for ever."""
    if run.agent is None or run.runtime is None or stories.load(db, run.story).is_terminal:
        return
    known = _known(content.of_story(db, run.story))
    left = {kind: one for kind, one in known.items() if kind != run.kind.value}
    if session is not None and not (outcome is Outcome.FAILED and turns == 0):
        left[run.kind.value] = Session(session, run.agent, run.runtime, run.model, run.seq, run.visit)
    elif outcome is not Outcome.FAILED:
        return
    if left != known:
        texts = {kind: asdict(one) for kind, one in left.items()}
        content.put(db, run.story, content.SESSIONS, json.dumps(texts, ensure_ascii=False), now=now)


def to_resume(story: Story, kind: RunKind, agent: Agent, left: Mapping[str, str]) -> str | None:
    """The session that `agent` goes on with; `left` is the content of the story. None: it begins a new one.

    It has to be its own, of the same program and model, and from since the story's counts began.
    """
    found = _known(left).get(kind.value)
    if found is None or not load_runtime(agent.runtime).resumes:
        return None
    is_own = (found.agent, found.runtime, found.model) == (agent.name, agent.runtime, agent.model)
    is_recent = found.seq > story.reset_seq and (kind is not RunKind.QA or found.visit == story.visit)
    return found.id if is_own and is_recent else None


def _known(left: Mapping[str, str]) -> dict[str, Session]:
    raw = json.loads(left.get(content.SESSIONS, "{}"))
    return {kind: Session(**one) for kind, one in raw.items()}
