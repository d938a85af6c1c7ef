"""`huskies show`: a story with all that belongs to it."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import count

import typer

from huskies_cli import render
from huskies_cli.journal_lines import entry_words
from huskies_cli.options import StoryId
from huskies_cli.output import Result
from huskies_cli.session import session_of
from huskies_cli.status_icons import mark_of_run, mark_of_stage
from huskies_core.clock import utc_now
from huskies_core.context import open_context
from huskies_core.operations.documents import entry_document
from huskies_core.operations.page_documents import page_document
from huskies_core.operations.story_list import Page, show
from huskies_core.pipeline.stages import reason_of
from huskies_core.store.journal import Entry
from huskies_core.store.runs import Run
from huskies_core.store.stories import Criterion, Story

RUN_COLUMNS = ("run", "kind", "agent", "outcome", "turns", "cost", "detail")


def show_story(ctx: typer.Context, story: StoryId) -> Result:
    """Show a story with all that belongs to it.

    Its fields, its criteria, the members of an epic, what happened to it, its runs, its worktree, the commit it was
    merged as, and the keys of what its runs left for the next one.
    """
    with open_context(session_of(ctx).start) as context:
        page = show(context, story)
    return Result(page_document(page), text=lambda: _text(page, utc_now()))


def _text(page: Page, now: datetime) -> str:
    draft = page.story.draft
    return render.paragraphs(
        render.heading(f"{page.story.id} {draft.title}"),
        render.fields(_pairs(page, now)),
        render.block(draft.description, indent=0),
        _section("Acceptance criteria", map(_criterion, count(1), draft.criteria)),
        _section("Members", [render.table(("id", "stage", "title"), _members(page.members))]),
        _section("History", [render.table(("ago", "event", "by"), _history(page.history, now))]),
        _section("Runs", [render.table(RUN_COLUMNS, _runs(page.runs))]),
    )


def _pairs(page: Page, now: datetime) -> list[tuple[str, render.Cell]]:
    story, draft = page.story, page.story.draft
    return [
        ("type", draft.type),
        ("stage", _stage(page, now)),
        ("why", reason_of(story.stage)),
        ("merged as", None if page.merge_commit is None else page.merge_commit[:12]),
        ("priority", draft.priority or None),
        ("depends on", ", ".join(map(str, draft.depends_on))),
        ("epic", draft.epic),
        ("agent", draft.agent),
        ("qa", draft.qa),
        ("labels", ", ".join(draft.labels)),
        ("retries", story.retries or None),
        ("cost", render.money(page.spent_usd) if page.spent_usd else None),
        ("denied", _denied(page.runs)),
        ("worktree", None if page.worktree is None else render.link(page.worktree)),
        ("branch", page.branch),
        ("left for the next run", ", ".join(page.content)),
    ]


def _stage(page: Page, now: datetime) -> render.Styled:
    stage = page.story.stage.name
    at_work = any(run.is_live for run in page.runs)
    told = f"{stage.value} for {render.age(page.story.stage_entered_at, now)}"
    return render.mark(mark_of_stage(stage, at_work=at_work), told)


def _criterion(number: int, criterion: Criterion) -> str:
    """With the number by which it is checked."""
    mark = f"{number}. [{'x' if criterion.checked else ' '}] "
    first, *others = render.block(criterion.text, indent=len(mark)).split("\n")
    return "\n".join((f"{mark}{first.strip()}", *others))


def _section(name: str, parts: "map[str] | Sequence[str]") -> str:
    text = "\n".join(filter(None, parts))
    return f"{render.heading(name)}\n{render.block(text)}" if text else ""


def _members(members: Sequence[Story]) -> list[tuple[render.Cell, ...]]:
    return [(member.id, member.stage.name, member.draft.title) for member in members]


def _runs(runs: Sequence[Run]) -> list[tuple[render.Cell, ...]]:
    return [
        (
            run.id,
            run.kind,
            run.agent,
            render.mark(mark_of_run(run), run.outcome or run.status),
            run.turns,
            render.cost(run.cost_usd),
            run.detail,
        )
        for run in runs
    ]


def _history(entries: Sequence[Entry], now: datetime) -> list[tuple[render.Cell, ...]]:
    return [(render.age(one.at, now), entry_words(entry_document(one)), one.actor) for one in entries]


def _denied(runs: Sequence[Run]) -> str:
    """How often each tool was refused in all runs."""
    counts = Counter[str]()
    for run in runs:
        counts.update(run.evidence.denied)
    return ", ".join(f"{tool} {times}x" for tool, times in counts.items())
