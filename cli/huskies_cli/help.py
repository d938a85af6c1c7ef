"""Help, printed so that a reader who leaves early is no error."""

import sys
from typing import TYPE_CHECKING

import typer

from huskies_cli.streams import ReaderGone, write_line

if TYPE_CHECKING:
    from typer._click.core import Context, Parameter


def print_help(context: "Context") -> None:
    """Raises ReaderGone when nobody reads stdout any more."""
    try:
        text = context.get_help()
    except SystemExit as error:  # rich prints it, sends stdout nowhere when the reader is gone, and leaves
        raise ReaderGone from error
    write_line(sys.stdout, text)


def show_help(ctx: "Context", _: "Parameter", value: bool) -> None:
    """What `-h` does, ahead of all else."""
    if value and not ctx.resilient_parsing:
        print_help(ctx)
        raise typer.Exit
