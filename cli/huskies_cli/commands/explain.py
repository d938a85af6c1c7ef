"""`huskies explain`: every rule that concerns a story, in order, and which of them holds it back."""

import typer

from huskies_cli import render
from huskies_cli.options import StoryId
from huskies_cli.output import Result
from huskies_cli.render import Mark
from huskies_cli.session import session_of
from huskies_cli.tick_advice import tick_advice
from huskies_core.context import open_context
from huskies_core.operations.explain import explain
from huskies_core.operations.page_documents import explanation_document
from huskies_core.runs.rules import Rule
from huskies_core.scheduler.blockers import Blocker
from huskies_core.scheduler.explanation import Check, Explanation


def explain_story(ctx: typer.Context, story: StoryId) -> Result:
    """Say why a story stands where it stands.

    Every rule that concerns it now, in the order in which they are asked, each with a mark: it lets the story go on, or
    holds it back, then with the command that would help. The last line says what will move the story next.
    """
    with open_context(session_of(ctx).start) as context:
        found = explain(context, story)
        talk = () if found.story.is_terminal else tick_advice(context)
    return Result(explanation_document(found), text=lambda: _text(found), talk=talk)


def _text(found: Explanation) -> str:
    story = found.story
    return render.paragraphs(
        render.heading(f"{story.id} {story.draft.title}: {story.stage.name}"),
        "\n".join(line for check in found.checks for line in _lines(check)),
        "\n".join(render.line(note) for note in found.notes),
        render.line(render.styled("next:", "bold"), found.next),
    )


def _lines(check: Check) -> list[str]:
    if not check.blockers:
        return [render.line(render.mark(Mark.DONE), check.rule.passed)]
    mark = Mark.DONE if check.rule is Rule.FINISHED else Mark.BLOCKED
    return [render.line(render.mark(mark), *_cells(blocker)) for blocker in check.blockers]


def _cells(blocker: Blocker) -> list[render.Cell]:
    cells: list[render.Cell] = [render.styled(f"{blocker.rule}:", "bold"), blocker.detail]
    return [*cells, render.styled(f"({blocker.command})", "cyan")] if blocker.command else cells
