"""`huskies update`: single fields of a story."""

from typing import Annotated

import typer

from huskies_cli.agent_advice import agent_advice
from huskies_cli.options import StoryId
from huskies_cli.output import Result
from huskies_cli.session import session_of
from huskies_cli.story_options import KINDS, Agent, Body, DependsOn, Epic, Label, Qa, read_body
from huskies_core.context import open_context
from huskies_core.operations.documents import story_document
from huskies_core.operations.stories import Change, Clearable, update
from huskies_core.store.stories import StoryType

Title = Annotated[str | None, typer.Option("--title", metavar="TITLE", help="One line.", show_default=False)]
Type = Annotated[
    StoryType | None, typer.Option("--type", metavar="T", help=f"One of {KINDS}.", show_default=False)
]
AddCriterion = Annotated[
    list[str] | None,
    typer.Option("--add-criterion", "-c", metavar="TEXT", help="One more criterion.", show_default=False),
]
Check = Annotated[
    list[int] | None,
    typer.Option("--check", metavar="N", help="Mark the Nth criterion as met.", show_default=False),
]
Uncheck = Annotated[
    list[int] | None,
    typer.Option("--uncheck", metavar="N", help="Mark the Nth criterion as open.", show_default=False),
]
Priority = Annotated[
    int | None, typer.Option("--priority", metavar="N", help="Higher comes first.", show_default=False)
]
Clear = Annotated[
    list[Clearable] | None,
    typer.Option("--clear", metavar="FIELD", help=f"Empty {', '.join(Clearable)}.", show_default=False),
]


def update_story(
    ctx: typer.Context,
    story: StoryId,
    title: Title = None,
    kind: Type = None,
    body: Body = None,
    add_criterion: AddCriterion = None,
    check: Check = None,
    uncheck: Uncheck = None,
    depends_on: DependsOn = None,
    agent: Agent = None,
    qa: Qa = None,
    priority: Priority = None,
    label: Label = None,
    epic: Epic = None,
    clear: Clear = None,
) -> Result:
    """Change fields of a story.

    What is not named stays. --depends-on and --label replace all there were. An agent can call this from inside a run
    for its own story, to check off its criteria.
    """
    change = Change(
        title=title,
        type=kind,
        description=read_body(body),
        depends_on=tuple(depends_on) if depends_on else None,
        epic=epic,
        agent=agent,
        qa=qa,
        priority=priority,
        labels=tuple(label) if label else None,
        add_criteria=tuple(add_criterion or ()),
        check=tuple(check or ()),
        uncheck=tuple(uncheck or ()),
        clear=tuple(clear or ()),
    )
    with open_context(session_of(ctx).start) as context:
        done = update(context, story, change)
        talk = agent_advice(context, agent)
    text = f"{story}: {'updated' if done.changed else 'nothing to change'}"
    return Result({**story_document(done.story), "changed": done.changed}, text=text, talk=talk)
