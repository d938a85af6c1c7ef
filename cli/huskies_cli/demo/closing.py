"""The text of the demo: an introduction, and at the end the board, the checks and commands to look further."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from huskies_cli import render
from huskies_cli.demo.checks import Check, Record
from huskies_cli.demo.stories import PLANNED
from huskies_cli.render import Cell, Mark
from huskies_core.pipeline.stages import Done

_INTRODUCTION = """\
Six stories for a small Python project. Its tests are the gate. The agents are
real programs that follow a script: three coders, a QA agent, a mergemaster.

{courses}

The repository is {root}. The demo only runs
the passes that 'huskies tick' runs from cron. It takes about 20 seconds,
longer on a slow machine.
"""
_WHERE_TO_LOOK = """\
The repository stays. To look further:
  cd {root}
  huskies status            # the board
  huskies history 4         # the events of a story and their actors
  huskies logs 3            # the output of its last run
  git log --stat            # one commit for each story
  cat .huskies/agents.toml  # the agents"""
"""Each command is one line that can be copied."""


def introduction(root: Path) -> list[str]:
    courses = (f"  #{planned.id}  {planned.title:30}{planned.fate}" for planned in PLANNED)
    return _INTRODUCTION.format(courses="\n".join(courses), root=root).split("\n")


def summary(record: Record, checks: Sequence[Check], seconds: float) -> str:
    done = sum(isinstance(story.stage, Done) for story in record.stories.values())
    return render.paragraphs(
        render.heading(f"{done} of {len(record.stories)} stories merged in {seconds:.0f} seconds"),
        _board(record),
        "\n".join(render.line(_result(check)) for check in checks),
        _WHERE_TO_LOOK.format(root=shlex.quote(str(record.context.project.root))),
    )


def _board(record: Record) -> str:
    rows: list[tuple[Cell, ...]] = []
    for story in record.stories.values():
        is_done = isinstance(story.stage, Done)
        commit = story.stage.merge_commit[:10] if isinstance(story.stage, Done) else ""
        stage = render.mark(Mark.DONE if is_done else Mark.BLOCKED, story.stage.name.value)
        runs = sum(run.story == story.id for run in record.runs)
        rows.append((story.id, story.draft.title, stage, runs, commit))
    return render.table(("id", "story", "stage", "runs", "commit"), rows)


def _result(check: Check) -> Cell:
    if check.is_kept:
        return render.mark(Mark.DONE, check.promise)
    return render.mark(Mark.BLOCKED, f"FAIL: {check.problem} (expected: {check.promise})")
