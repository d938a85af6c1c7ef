"""`huskies cost`: what the work has cost."""

from typing import Annotated

import typer

from huskies_cli import render
from huskies_cli.journal_lines import shortened
from huskies_cli.output import Result
from huskies_cli.session import session_of
from huskies_core.context import open_context
from huskies_core.operations.costs import By, Cost, Costs, cost_document, read_costs

Grouping = Annotated[
    By, typer.Option("--by", metavar="story|agent|model|day", help="What each row is about.")
]
Since = Annotated[
    str,
    typer.Option("--since", metavar="TIME", help="Only from then on: 7d, 2026-12-01.", show_default=False),
]
COLUMNS = ("runs", "input", "output", "cache read", "cache write", "cost")


def show_cost(ctx: typer.Context, by: Grouping = By.STORY, since: Since = "") -> Result:
    """Show what the work has cost.

    Tokens and US dollars of all runs, with what live ones have told so far, by story, agent, model or day of the
    project's time zone. Where a program tells no money it is reckoned by the table pricing of
    project.toml.
    """
    with open_context(session_of(ctx).start) as context:
        found = read_costs(context, by, since)
    talk = () if found.rows else ("No run has told of any cost.",)
    return Result(cost_document(found), text=lambda: _table(by, found), talk=talk)


def _table(by: By, found: Costs) -> str:
    if not found.rows:
        return ""
    names = (by.value, "title", *COLUMNS) if by is By.STORY else (by.value, *COLUMNS)
    rows = [_row(by, row, "-" if row.key is None else str(row.key)) for row in found.rows]
    return render.table(names, [*rows, _row(by, found.total, "total")])


def _row(by: By, cost: Cost, key: str) -> tuple[render.Cell, ...]:
    used = cost.usage
    name = (key, shortened(cost.name)) if by is By.STORY else (key,)
    tokens = (used.input_tokens, used.output_tokens, used.cache_read_tokens, used.cache_write_tokens)
    figures = (f"{number:,}" for number in tokens)
    return (*name, cost.runs, *map(render.Figure, (*figures, render.money(used.cost_usd))))
