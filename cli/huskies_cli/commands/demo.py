"""`huskies demo`: the whole pipeline on a throw-away repository, shown as it happens and checked at the end."""

from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from huskies_cli.demo import closing
from huskies_cli.demo.checks import Account, Check, check_all, take_account
from huskies_cli.demo.fixture import claim_place, make_project, own_environment
from huskies_cli.demo.narrator import Say, Teller
from huskies_cli.demo.run_demo import LIMIT_SECS, nothing_left, perform, terminations_interrupt
from huskies_cli.demo.stories import add_stories
from huskies_cli.output import ErrorItem, Result
from huskies_cli.progress import Bar, is_wanted
from huskies_cli.session import Session, session_of
from huskies_cli.streams import tell
from huskies_core.clock import utc_now
from huskies_core.context import open_context
from huskies_core.git.host import require_git
from huskies_core.pipeline.stages import Done
from huskies_core.progress import Progress, unseen
from huskies_core.sanitize import without_controls

Place = Annotated[
    str | None,
    typer.Argument(metavar="[DIR]", help="An empty directory, or one to make.", show_default=False),
]


def demo(ctx: typer.Context, place: Place = None) -> Result:
    """Watch scripted agents take stories through the pipeline.

    Makes a repository with a small Python project in DIR, or in a temporary directory, and adds six stories. One waits
    for another, one fails its gate, one is rejected by QA, two are in conflict; the passes and the agents bring all of
    them onto main. Ends by itself in under a minute, and with exit code 1 when anything did not end as told. Ctrl-C
    ends the agents too. The repository stays.
    """
    session = session_of(ctx)
    bar = Bar() if is_wanted(session) else None
    say = partial(_say, session, bar)
    require_git()
    began = utc_now()
    root = claim_place(place)
    try:
        with terminations_interrupt(), own_environment(root):
            return _play(root, say, unseen if bar is None else bar.show, began)
    except KeyboardInterrupt:
        say(f"The repository stays: {root}")
        raise
    finally:
        _end(bar)


def _play(root: Path, say: Say, progress: Progress, began: datetime) -> Result:
    make_project(root)
    for line in closing.introduction(root):
        say(line)
    with open_context(root) as context:
        teller = Teller(context, say, progress, utc_now())
        with nothing_left(root, say):
            add_stories(context)
            in_time = perform(context, teller, until=began + timedelta(seconds=LIMIT_SECS))
        account = take_account(context)
        took = (utc_now() - began) / timedelta(seconds=1)
        checks = (*check_all(account), *(() if in_time else (_late(),)))
        say("")
        text = closing.summary(account, checks, took)
    errors = [ErrorItem("not_as_told", f"{one.promise}: {one.problem}") for one in checks if not one.is_kept]
    data = {**_data(account, checks), "seconds": round(took, 1), "events": teller.told}
    return Result.of_items(data, lambda: text, errors, done=0)


def _end(bar: Bar | None) -> None:
    if bar is not None:
        bar.end()


def _say(session: Session, bar: Bar | None, line: str) -> None:
    """Talk like any other, but for the spaces that line it up, and a bar that stays below it."""
    if session.quiet:
        return
    if bar is not None:
        bar.hide()
    tell(without_controls(line))
    if bar is not None:
        bar.redraw()


def _late() -> Check:
    return Check(f"it ends by itself within {LIMIT_SECS} seconds", "it was stopped")


def _data(account: Account, checks: tuple[Check, ...]) -> dict[str, object]:
    return {
        "repository": str(account.context.project.root),
        "stories": [
            {
                "id": story.id,
                "title": story.draft.title,
                "stage": story.stage.name.value,
                "commit": story.stage.merge_commit if isinstance(story.stage, Done) else None,
            }
            for story in account.stories.values()
        ],
        "checks": [{"promise": one.promise, "kept": one.is_kept, "problem": one.problem} for one in checks],
    }
