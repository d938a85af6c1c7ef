"""Costs as text."""

from huskies_cli import render
from huskies_cli.command import Call
from huskies_cli.output import Result
from huskies_core.operations.costs import By, Cost, Costs

COLUMNS = ("runs", "input", "output", "cache read", "cache write", "cost")


def show(costs: Costs, call: Call) -> Result:
    messages = () if costs.rows else ("No run has reported any cost.",)
    return Result(text=lambda: _table(call.values["by"], costs), messages=messages)


def _table(by: By, costs: Costs) -> str:
    if not costs.rows:
        return ""
    names = (by.value, "title", *COLUMNS) if by is By.STORY else (by.value, *COLUMNS)
    rows = [_row(by, row, "-" if row.key is None else str(row.key)) for row in costs.rows]
    return render.table(names, [*rows, _row(by, costs.total, "total")])


def _row(by: By, cost: Cost, key: str) -> tuple[render.Cell, ...]:
    used = cost.usage
    name = (key, render.shortened(cost.name)) if by is By.STORY else (key,)
    tokens = (used.input_tokens, used.output_tokens, used.cache_read_tokens, used.cache_write_tokens)
    figures = (f"{number:,}" for number in tokens)
    return (*name, cost.runs, *map(render.Figure, (*figures, render.money(used.cost_usd))))
