"""`huskies add`: a story, from its title on."""

from typing import Annotated

import typer

from huskies_cli.agent_advice import agent_advice
from huskies_cli.output import Result
from huskies_cli.session import session_of
from huskies_cli.story_options import (
    Agent,
    Body,
    DependsOn,
    Epic,
    Label,
    Priority,
    Qa,
    Type,
    read_body,
)
from huskies_cli.tick_advice import tick_advice
from huskies_core.context import open_context
from huskies_core.operations.stories import create
from huskies_core.store.stories import Criterion, Draft, StoryType

Title = Annotated[
    str, typer.Argument(metavar="TITLE", help="One line, at most 200 characters.", show_default=False)
]
Criteria = Annotated[
    list[str] | None,
    typer.Option(
        "--criterion", "-c", metavar="TEXT", help="When it is done; may be repeated.", show_default=False
    ),
]
StartIt = Annotated[bool, typer.Option("--start", help="Start it at once.")]


def add_story(
    ctx: typer.Context,
    title: Title,
    kind: Type = StoryType.STORY,
    body: Body = None,
    criterion: Criteria = None,
    depends_on: DependsOn = None,
    agent: Agent = None,
    qa: Qa = None,
    priority: Priority = 0,
    label: Label = None,
    epic: Epic = None,
    start: StartIt = False,
) -> Result:
    """Add a story.

    Prints its id. A story of type story needs a criterion; options that take several values are repeated. Put -- before
    a title that begins with a dash.
    """
    draft = Draft(
        title=title,
        type=kind,
        description=read_body(body) or "",
        criteria=tuple(map(Criterion, criterion or ())),
        depends_on=tuple(depends_on or ()),
        epic=epic,
        agent=agent,
        qa=qa,
        priority=priority,
        labels=tuple(label or ()),
    )
    with open_context(session_of(ctx).start) as context:
        talk = (*agent_advice(context, agent), *(tick_advice(context) if start else ()))
        added = create(context, draft, start=start)
    return Result({"id": added.id, "stage": added.stage.name}, text=str(added.id), talk=talk)
