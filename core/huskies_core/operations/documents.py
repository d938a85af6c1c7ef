"""Stories, runs, rows of the journal and what goes with them as the JSON that scripts rely on."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from huskies_core.clock import to_iso
from huskies_core.pipeline.stages import payload_to_json, reason_of
from huskies_core.store.journal import Entry
from huskies_core.store.runs import Run
from huskies_core.store.stories import Draft, Story

if TYPE_CHECKING:
    from huskies_core.errors import HuskiesError
    from huskies_core.git.rescue import Rescue
    from huskies_core.operations.agent_test import Trial
    from huskies_core.operations.agents import AgentNow
    from huskies_core.operations.prompts import Prompt
    from huskies_core.operations.runs import RunNow
    from huskies_core.operations.worktree_list import Worktree

Document = dict[str, object]


def story_document(story: Story) -> Document:
    draft = story.draft
    return {
        "id": story.id,
        "type": draft.type,
        "title": draft.title,
        "stage": story.stage.name,
        "stage_entered_at": story.stage_entered_at,
        "priority": draft.priority,
        "depends_on": list(draft.depends_on),
        "retries": story.retries,
        "agent": draft.agent,
        "qa": draft.qa,
        "labels": list(draft.labels),
        "epic": draft.epic,
        "reason": reason_of(story.stage) or None,
        "payload": payload_to_json(story.stage),
    }


def criteria_document(draft: Draft) -> list[Document]:
    return [{"text": item.text, "checked": item.checked} for item in draft.criteria]


def run_document(run: Run) -> Document:
    return {
        "id": run.id,
        "story": run.story,
        "kind": run.kind,
        "agent": run.agent,
        "status": run.status,
        "outcome": run.outcome,
        "detail": run.detail,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "turns": run.turns,
        "cost_usd": run.cost_usd,
    }


def prompt_document(prompt: "Prompt") -> Document:
    return {
        "story": prompt.story,
        "agent": prompt.agent,
        "kind": prompt.kind,
        "run": prompt.run,
        "prompt": prompt.text,
    }


def run_now_document(now: "RunNow") -> Document:
    printed = None if now.last_output_at is None else to_iso(now.last_output_at)
    return {
        **run_document(now.run),
        "tool_turns": now.run.tool_turns,
        "last_output_at": printed,
        "dead": now.dead,
        "throttled": now.throttled or None,
        "denied": dict(now.denied),
    }


def entry_document(entry: Entry) -> Document:
    return {
        "seq": entry.seq,
        "at": entry.at,
        "story": entry.story,
        "event": entry.event,
        "before": entry.before,
        "after": entry.after,
        "actor": entry.actor,
        "detail": dict(entry.detail),
        "kind": entry.kind,
    }


def agent_document(now: "AgentNow") -> Document:
    agent, run = now.agent, now.run
    return {
        "name": agent.name,
        "stage": agent.stage,
        "runtime": agent.runtime,
        "model": agent.model,
        "state": "idle" if run is None else "running",
        "story": None if run is None else run.story,
        "run": None if run is None else run.id,
    }


def trial_document(trial: "Trial") -> Document:
    return {**asdict(trial), "answered": not trial.problem}


def worktree_document(worktree: "Worktree") -> Document:
    return {
        "story": worktree.story,
        "stage": worktree.stage,
        "branch": worktree.branch,
        "path": str(worktree.path),
    }


def rescue_document(rescue: "Rescue") -> Document:
    return {"story": rescue.story, "time": rescue.time, "ref": rescue.ref, "commit": rescue.commit}


def error_document(error: "HuskiesError") -> Document:
    return {"code": error.code, "message": error.message, "hint": error.hint, "subject": error.subject}
