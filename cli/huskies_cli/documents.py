"""Stories, runs and rows of the journal as the JSON that scripts rely on."""

from huskies_core.pipeline.stages import encode_payload, reason_of
from huskies_core.store.journal import Entry
from huskies_core.store.runs import Run
from huskies_core.store.stories import Story

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
        "payload": encode_payload(story.stage),
    }


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
