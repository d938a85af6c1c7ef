"""Arguments and options that several commands share, and the parsers behind them."""

from typing import Annotated

import typer

_LARGEST_ID = 2**63 - 1


def story_id(text: str) -> int:
    """`12` or `#12`."""
    digits = text.removeprefix("#")
    if not (digits.isascii() and digits.isdigit() and 0 < int(digits[:20]) <= _LARGEST_ID):
        raise ValueError(f"{text!r} is not a story's id (a number such as 12)")
    return int(digits)


def run_id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:20]) <= _LARGEST_ID):
        raise ValueError(f"{text!r} is not a run's number")
    return int(text)


def whole_number(text: str) -> int:
    """0 or more, and no more than the store can count."""
    if not (text.isascii() and text.isdigit() and int(text[:20]) <= _LARGEST_ID):
        raise ValueError(f"{text!r} is not a whole number from 0 up")
    return int(text)


def seconds(text: str) -> float:
    """A finite number of seconds, 0 or more."""
    try:
        value = float(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a number of seconds") from error
    if not 0 <= value < 1e9:
        raise ValueError(f"{text!r} is not a number of seconds")
    return value


StoryId = Annotated[
    int, typer.Argument(parser=story_id, metavar="ID", help="The story's id.", show_default=False)
]
StoryIds = Annotated[
    list[int], typer.Argument(parser=story_id, metavar="ID...", help="The stories' ids.", show_default=False)
]
OptionalStoryId = Annotated[
    int | None, typer.Argument(parser=story_id, metavar="[ID]", help="The story's id.", show_default=False)
]
OptionalStoryIds = Annotated[
    list[int] | None,
    typer.Argument(parser=story_id, metavar="[ID...]", help="The stories' ids.", show_default=False),
]
RunId = Annotated[
    int, typer.Argument(parser=run_id, metavar="RUN", help="The run's number.", show_default=False)
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done and change nothing.")]
Wait = Annotated[
    float | None,
    typer.Option(
        "--wait", parser=seconds, metavar="SECS", help="Wait that long for a lock.", show_default=False
    ),
]
Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the history.", show_default=False)
]
Notes = Annotated[
    str,
    typer.Option(
        "--notes", metavar="TEXT", help="What is wrong; goes into the next prompt.", show_default=False
    ),
]
