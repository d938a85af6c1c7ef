"""The text of the demo: an introduction, and at the end the board, the checks and commands to look further."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from huskies_cli import render
from huskies_cli.demo.checks import Check, Record
from huskies_cli.demo.stories import PLANNED
from huskies_cli.render import Cell, Mark
from huskies_core.pipeline.stages import Done
from huskies_core.store.stories import Story


def introduction(root: Path) -> Iterator[str]:
    yield "Six stories for a small Python project. Its tests are the gate. The agents are"
    yield "real programs that follow a script: three coders, a QA agent, a mergemaster."
    yield ""
    for planned in PLANNED:
        yield f"  #{planned.id}  {planned.draft.title:30}{planned.fate}"
    yield ""
    yield f"The repository is {root}. The demo only runs"
    yield "the passes that 'huskies tick' runs from cron. It takes about 20 seconds,"
    yield "longer on a slow machine."
    yield ""


def summary(record: Record, checks: Sequence[Check], seconds: float) -> str:
    done = sum(isinstance(story.stage, Done) for story in record.stories.values())
    return render.paragraphs(
        render.heading(f"{done} of {len(record.stories)} stories merged in {seconds:.0f} seconds"),
        board(record),
        "\n".join(render.line(_result(check)) for check in checks),
        where_to_look(record.context.project.root),
    )


def board(record: Record) -> str:
    rows = [_row(record, story) for story in record.stories.values()]
    return render.table(("id", "story", "stage", "runs", "commit"), rows)


def where_to_look(root: Path) -> str:
    """Return commands to look further. Each is one line that can be copied."""
    commands = (
        f"cd {shlex.quote(str(root))}",
        "huskies status            # the board",
        "huskies history 4         # the events of a story and their actors",
        "huskies logs 3            # the output of its last run",
        "git log --stat            # one commit for each story",
        "cat .huskies/agents.toml  # the agents",
    )
    return "\n".join(["The repository stays. To look further:", *(f"  {command}" for command in commands)])


def _row(record: Record, story: Story) -> tuple[Cell, ...]:
    runs = [run for run in record.runs if run.story == story.id]
    commit = story.stage.merge_commit[:10] if isinstance(story.stage, Done) else ""
    kind = Mark.DONE if isinstance(story.stage, Done) else Mark.BLOCKED
    stage = render.mark(kind, story.stage.name.value)
    return (story.id, story.draft.title, stage, len(runs), commit)


def _result(check: Check) -> Cell:
    if check.is_kept:
        return render.mark(Mark.DONE, check.promise)
    return render.mark(Mark.BLOCKED, f"FAIL: {check.problem} (expected: {check.promise})")
