"""Help, and readers of it that close stdout early."""

import sys
from typing import TYPE_CHECKING

import typer

from huskies_cli.streams import ReaderClosed, write_line

if TYPE_CHECKING:
    from typer._click.core import Context, Parameter


def print_help(context: "Context") -> None:
    """Print the help of a command. Raise ReaderClosed if stdout has no reader any more."""
    try:
        text = context.get_help()
    except SystemExit as error:  # rich redirects stdout to nothing when the reader is gone, and exits
        raise ReaderClosed from error
    write_line(sys.stdout, text)


def show_help(ctx: "Context", _: "Parameter", value: bool) -> None:
    """Print help and exit, before other options are checked."""
    if value and not ctx.resilient_parsing:
        print_help(ctx)
        raise typer.Exit
