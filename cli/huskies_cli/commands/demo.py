"""`huskies demo`: the whole pipeline in a new repository, with a live report and checks at the end."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

from huskies_cli.command import own_command
from huskies_cli.demo.checks import PromiseCheck, Record, check_all, read_record, summary
from huskies_cli.demo.fixture import add_stories, claim_directory, make_project, own_environment
from huskies_cli.demo.narrator import Narrator, introduction
from huskies_cli.demo.run_demo import freezing_at_end, run_to_end, terminations_interrupt
from huskies_cli.output import ErrorItem, Result
from huskies_cli.progress import Bar
from huskies_cli.project_context import open_context
from huskies_cli.session import Session
from huskies_core.argument import Argument
from huskies_core.clock import utc_now
from huskies_core.git.host import require_git
from huskies_core.operations.operation import PROJECT, Command
from huskies_core.pipeline.stages import Done
from huskies_core.store.stories import Story

Directory = Annotated[
    str | None, Argument("An empty or missing directory.", metavar="[DIR]", positional=True)
]

_ENDS = "it continues until no work remains"


@own_command(Command("demo", PROJECT))
def demo(session: Session, directory: Directory = None) -> Result:
    """Watch scripted agents take stories through the pipeline.

    The demo creates a repository with a small Python project in DIR, or in a temporary directory, and adds six stories.
    One waits for another, one fails its gate, QA rejects one, and two are in conflict. The passes and the agents land
    all of them on main. The demo takes about 20 seconds, longer on a slow machine; it stops if nothing happens for two
    minutes. The exit code is 1 if a check fails. Ctrl-C stops the demo and its agents. The repository is kept.
    """
    bar = Bar(session)
    require_git()
    began = utc_now()
    root = claim_directory(directory)
    try:
        with terminations_interrupt(), own_environment(root):
            return _run(root, bar, began)
    except KeyboardInterrupt:
        bar.print_above(f"The repository stays: {root}")
        raise
    finally:
        bar.end()


def _run(root: Path, bar: Bar, began: datetime) -> Result:
    print_line = bar.print_above
    make_project(root)
    for line in introduction(root):
        print_line(line)
    with open_context(root) as context:
        narrator = Narrator(context, print_line, bar.show, utc_now())
        with freezing_at_end(root, print_line):
            add_stories(context)
            stall = run_to_end(context, narrator)
        record = read_record(context)
        seconds = (utc_now() - began) / timedelta(seconds=1)
        checks = (*([PromiseCheck(_ENDS, stall)] if stall else []), *check_all(record))
        print_line("")
        text = summary(record, checks, seconds)
    errors = tuple(
        ErrorItem("promise_broken", f"{check.problem} (expected: {check.promise})")
        for check in checks
        if not check.is_kept
    )
    data = {**_data(record, checks), "seconds": round(seconds, 1), "events": narrator.events}
    return Result(data, lambda: text, errors)


def _data(record: Record, checks: Iterable[PromiseCheck]) -> dict[str, object]:
    kept = [{"promise": check.promise, "kept": check.is_kept, "problem": check.problem} for check in checks]
    stories = [_story(story) for story in record.stories.values()]
    return {"repository": str(record.context.project.root), "stories": stories, "checks": kept}


def _story(story: Story) -> dict[str, object]:
    commit = story.stage.merge_commit if isinstance(story.stage, Done) else None
    return {"id": story.id, "title": story.draft.title, "stage": story.stage.name.value, "commit": commit}
