"""The list of stories and the page of a story as text."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import count

from huskies_cli import render
from huskies_cli.command import Call
from huskies_cli.journal_lines import entry_words
from huskies_cli.output import Result
from huskies_cli.status_icons import mark_of_run, mark_of_stage
from huskies_core.clock import utc_now
from huskies_core.operations.record_json import entry_json
from huskies_core.operations.story_list import Page, label_advice, stories_with_live_runs
from huskies_core.pipeline.stages import reason_of
from huskies_core.store.runs import Run
from huskies_core.store.stories import Criterion, Story

COLUMNS = ("id", "type", "stage", "since", "priority", "title", "why")
RUN_COLUMNS = ("run", "kind", "agent", "outcome", "turns", "cost", "detail")


def list_stories(stories: Sequence[Story], call: Call) -> Result:
    label = call.values["label"]
    advice = "" if stories or label is None else label_advice(call.context, label)
    live = stories_with_live_runs(call.context)
    return Result(text=lambda: _table(stories, live, utc_now()), messages=(advice,) if advice else ())


def show_story(page: Page, _: Call) -> Result:
    return Result(text=lambda: _page(page, utc_now()))


def _table(stories: Sequence[Story], live: Collection[int], now: datetime) -> str:
    return render.table(COLUMNS, [_row(story, now, is_live=story.id in live) for story in stories])


def _row(story: Story, now: datetime, *, is_live: bool) -> tuple[render.Cell, ...]:
    draft, since = story.draft, render.age(story.stage_entered_at, now)
    stage = render.mark(mark_of_stage(story.stage.name, at_work=is_live), story.stage.name.value)
    why = render.shortened(reason_of(story.stage))
    return (story.id, draft.type, stage, since, draft.priority, draft.title, why)


def _page(page: Page, now: datetime) -> str:
    draft = page.story.draft
    members = [(member.id, member.stage.name, member.draft.title) for member in page.members]
    history = [
        (render.age(entry.at, now), entry_words(entry_json(entry)), entry.actor) for entry in page.history
    ]
    sections = {
        "Acceptance criteria": "\n".join(map(_criterion, count(1), draft.criteria)),
        "Members": render.table(("id", "stage", "title"), members),
        "History": render.table(("ago", "event", "by"), history),
        "Runs": render.table(RUN_COLUMNS, map(_run, page.runs)),
    }
    return render.paragraphs(
        render.heading(f"{page.story.id} {draft.title}"),
        render.fields(_pairs(page, now)),
        render.block(draft.description, indent=0),
        *(render.section(name, render.block(text)) for name, text in sections.items()),
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
        ("handoff", ", ".join(page.content)),
    ]


def _stage(page: Page, now: datetime) -> render.Styled:
    stage = page.story.stage.name
    is_live = any(run.is_live for run in page.runs)
    text = f"{stage.value} for {render.age(page.story.stage_entered_at, now)}"
    return render.mark(mark_of_stage(stage, at_work=is_live), text)


def _criterion(number: int, criterion: Criterion) -> str:
    """Return a criterion with the number by which it is checked."""
    mark = f"{number}. [{'x' if criterion.checked else ' '}] "
    first, *others = render.block(criterion.text, indent=len(mark)).split("\n")
    return "\n".join((f"{mark}{first.strip()}", *others))


def _run(run: Run) -> tuple[render.Cell, ...]:
    outcome = render.mark(mark_of_run(run), run.outcome or run.status)
    return (run.id, run.kind, run.agent, outcome, run.turns, render.cost(run.cost_usd), run.detail)


def _denied(runs: Sequence[Run]) -> str:
    """Return how often each tool was refused in all runs."""
    counts = Counter[str]()
    for run in runs:
        counts.update(run.evidence.denied)
    return ", ".join(f"{tool} {times}x" for tool, times in counts.items())
