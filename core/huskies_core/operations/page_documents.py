"""All that is known of a story or a run, and why a story stands where it stands, as the JSON that scripts rely on."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from huskies_core.clock import to_iso
from huskies_core.operations.documents import (
    Document,
    criteria_document,
    entry_document,
    run_document,
    run_now_document,
    story_document,
)

if TYPE_CHECKING:
    from huskies_core.operations.merge_status import Merging
    from huskies_core.operations.runs import RunPage
    from huskies_core.operations.story_list import Page
    from huskies_core.scheduler.explanation import Explanation
    from huskies_core.supervisor.records import StepEnd
    from huskies_core.supervisor.run_directory import RunDirectory


def page_document(page: "Page") -> Document:
    draft = page.story.draft
    return {
        **story_document(page.story),
        "description": draft.description,
        "criteria": criteria_document(draft),
        "members": [member.id for member in page.members],
        "merge_commit": page.merge_commit,
        "created_at": page.story.created_at,
        "updated_at": page.story.updated_at,
        "history": [entry_document(entry) for entry in page.history],
        "runs": [run_document(run) for run in page.runs],
        "usage": {
            "runs": len(page.runs),
            "turns": sum(run.turns for run in page.runs),
            "tool_turns": sum(run.tool_turns for run in page.runs),
            "cost_usd": page.spent_usd,
            "denied": sum(sum(run.evidence.denied.values()) for run in page.runs),
        },
        "worktree": None if page.worktree is None else str(page.worktree),
        "branch": page.branch,
        "content": list(page.content),
    }


def explanation_document(found: "Explanation") -> Document:
    return {
        "story": found.story.id,
        "stage": found.story.stage.name,
        "holds": [
            {"rule": blocker.rule, "detail": blocker.detail, "command": blocker.command}
            for blocker in found.blockers
        ],
        "next": found.next,
        "rules": [{"rule": check.rule, "holds": bool(check.blockers)} for check in found.checks],
        "notes": list(found.notes),
    }


def merging_document(merging: "Merging") -> Document:
    told = explanation_document(merging.explanation)
    return {
        **story_document(merging.story),
        "place": merging.place,
        "starving": merging.is_starving,
        "run": None if merging.run is None else run_document(merging.run),
        "holds": told["holds"],
        "next": told["next"],
    }


def run_page_document(page: "RunPage") -> Document:
    run = page.now.run
    landing = None if run.landing is None else asdict(run.landing)
    return {
        **run_now_document(page.now),
        "runtime": run.runtime,
        "model": run.model,
        "verdict": run.verdict,
        "notes": run.notes,
        "evidence": run.evidence.to_json(),
        "landing": landing,
        "limit": page.exit.limit.limit if page.exit and page.exit.limit else None,
        "steps": [_step(step) for step in page.exit.steps] if page.exit else [],
        "lost_output_bytes": page.exit.lost_output_bytes if page.exit else 0,
        "survivors": list(page.exit.survivors) if page.exit else [],
        "paths": _paths(page.directory),
    }


def _step(step: "StepEnd") -> Document:
    return {
        "name": step.name,
        "role": step.role,
        "exit_code": step.exit_code,
        "signal": step.signal,
        "timed_out": step.timed_out,
        "detail": step.detail,
        "started_at": to_iso(datetime.fromtimestamp(step.started_at, tz=UTC)),
        "seconds": round(step.seconds, 3),
    }


def _paths(directory: "RunDirectory | None") -> dict[str, str]:
    """The run's files by what they are; empty when they are past their retention."""
    if directory is None:
        return {}
    named = {"directory": directory.path, "output": directory.output, "prompt": directory.prompt}
    return {**named, "spec": directory.spec, "exit": directory.exit, "shim_log": directory.shim_log}
