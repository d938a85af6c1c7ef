"""`huskies list`: the stories, one line each."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Annotated

import typer

from huskies_cli import render
from huskies_cli.journal_lines import shortened
from huskies_cli.output import Result
from huskies_cli.session import session_of
from huskies_cli.status_icons import mark_of_stage
from huskies_cli.story_options import KINDS
from huskies_core.clock import utc_now
from huskies_core.context import open_context
from huskies_core.operations import story_list
from huskies_core.operations.documents import story_document
from huskies_core.pipeline.stages import StageName, reason_of
from huskies_core.store.stories import Story, StoryType

Stages = Annotated[
    list[StageName] | None,
    typer.Option(
        "--stage", metavar="S", help="Only stories in this stage; may be repeated.", show_default=False
    ),
]
Type = Annotated[
    StoryType | None, typer.Option("--type", metavar="T", help=f"Only {KINDS}.", show_default=False)
]
Label = Annotated[
    str | None, typer.Option("--label", metavar="L", help="Only with this label.", show_default=False)
]
Everything = Annotated[bool, typer.Option("--all", help="Finished ones too.")]
COLUMNS = ("id", "type", "stage", "since", "priority", "title", "why")


def list_stories(
    ctx: typer.Context,
    stage: Stages = None,
    kind: Type = None,
    label: Label = None,
    everything: Everything = False,
) -> Result:
    """List stories.

    By id. Those that are done, archived, abandoned or superseded are shown with --all, or when --stage asks for them.
    """
    with open_context(session_of(ctx).start) as context:
        found = story_list.list_stories(
            context, stages=stage or (), kind=kind, label=label, finished=everything
        )
        advice = "" if found or label is None else story_list.label_advice(context, label)
        at_work = story_list.at_work(context)
    data = {"stories": [story_document(story) for story in found]}
    talk = (advice,) if advice else ()
    return Result(data, text=lambda: _text(found, at_work, utc_now()), talk=talk)


def _text(found: Sequence[Story], at_work: Collection[int], now: datetime) -> str:
    return render.table(COLUMNS, [_row(story, now, at_work=story.id in at_work) for story in found])


def _row(story: Story, now: datetime, *, at_work: bool) -> tuple[render.Cell, ...]:
    draft, since = story.draft, render.age(story.stage_entered_at, now)
    stage = render.mark(mark_of_stage(story.stage.name, at_work=at_work), story.stage.name.value)
    place = (story.id, draft.type, stage, since, draft.priority)
    return (*place, draft.title, shortened(reason_of(story.stage)))
