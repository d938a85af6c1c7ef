"""The explanation of a story as text."""

from huskies_cli import render
from huskies_cli.advice import tick_advice
from huskies_cli.command import Call
from huskies_cli.output import Result
from huskies_cli.render import Mark
from huskies_core.runs.rules import Rule
from huskies_core.scheduler.blockers import Blocker
from huskies_core.scheduler.explanation import Explanation, RuleCheck


def show(explanation: Explanation, call: Call) -> Result:
    messages = () if explanation.story.is_terminal else tick_advice(call.context)
    return Result(text=lambda: _text(explanation), messages=messages)


def _text(explanation: Explanation) -> str:
    story = explanation.story
    return render.paragraphs(
        render.heading(f"{story.id} {story.draft.title}: {story.stage.name}"),
        "\n".join(line for check in explanation.checks for line in _lines(check)),
        "\n".join(render.line(note) for note in explanation.notes),
        render.line(render.Styled("next:", "bold"), explanation.next),
    )


def _lines(check: RuleCheck) -> list[str]:
    if not check.blockers:
        return [render.line(render.mark(Mark.DONE), check.rule.passed)]
    mark = Mark.DONE if check.rule is Rule.FINISHED else Mark.BLOCKED
    return [render.line(render.mark(mark), *_cells(blocker)) for blocker in check.blockers]


def _cells(blocker: Blocker) -> list[render.Cell]:
    cells: list[render.Cell] = [render.Styled(f"{blocker.rule}:", "bold"), blocker.detail]
    return [*cells, render.Styled(f"({blocker.command})", "cyan")] if blocker.command else cells
