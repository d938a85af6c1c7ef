"""What the demo leaves on the screen: an introduction before, then the board, the promises and where to look."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from huskies_cli import render
from huskies_cli.demo.checks import Account, Check
from huskies_cli.demo.stories import PLANNED
from huskies_cli.render import Cell, Mark
from huskies_core.pipeline.stages import Done
from huskies_core.store.stories import Story


def introduction(root: Path) -> Iterator[str]:
    yield "Six stories for a small Python project whose tests are the gate. The agents are"
    yield "real programs that follow a script: three coders, a QA agent, a mergemaster."
    yield ""
    for planned in PLANNED:
        yield f"  #{planned.id}  {planned.draft.title:30}{planned.fate}"
    yield ""
    yield f"It happens in {root}, driven by nothing but"
    yield "the passes that 'huskies tick' runs from cron. It takes about 20 seconds."
    yield ""


def summary(account: Account, checks: Sequence[Check], seconds: float) -> str:
    done = sum(isinstance(story.stage, Done) for story in account.stories.values())
    return render.paragraphs(
        render.heading(f"{done} of {len(account.stories)} stories merged in {seconds:.0f} seconds"),
        board(account),
        "\n".join(render.line(_judged(check)) for check in checks),
        where_to_look(account.context.project.root),
    )


def board(account: Account) -> str:
    rows = [_row(account, story) for story in account.stories.values()]
    return render.table(("id", "story", "stage", "runs", "commit"), rows)


def where_to_look(root: Path) -> str:
    """Commands to go on with; each is one line that can be copied."""
    place = shlex.quote(str(root))
    commands = (
        f"cd {place}",
        "huskies status            # the board",
        "huskies history 4         # what happened to a story, and who did it",
        "huskies logs 3            # what its last run printed",
        "git log --stat            # one commit for each story",
        "cat .huskies/agents.toml  # who worked here",
    )
    return "\n".join(["All of it is real, and stays for you to look at:", *(f"  {one}" for one in commands)])


def _row(account: Account, story: Story) -> tuple[Cell, ...]:
    own = [run for run in account.runs if run.story == story.id]
    commit = story.stage.merge_commit[:10] if isinstance(story.stage, Done) else ""
    kind = Mark.DONE if isinstance(story.stage, Done) else Mark.BLOCKED
    stage = render.mark(kind, story.stage.name.value)
    return (story.id, story.draft.title, stage, len(own), commit)


def _judged(check: Check) -> Cell:
    if check.is_kept:
        return render.mark(Mark.DONE, check.promise)
    return render.mark(Mark.BLOCKED, f"NOT SO: {check.promise} ({check.problem})")
