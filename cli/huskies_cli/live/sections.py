"""The sections below the columns: live runs, stories that need a person, limits, next timers and latest events."""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from huskies_cli import render
from huskies_cli.board import limit_lines
from huskies_cli.journal_lines import entry_words
from huskies_cli.live.layout import Section, line
from huskies_cli.render import Cell, Field, Mark, Row
from huskies_cli.status_icons import mark_now
from huskies_cli.views.timers import action_text
from huskies_core.clock import from_iso, to_iso
from huskies_core.operations.board import Board
from huskies_core.operations.dashboard import Live
from huskies_core.operations.record_json import entry_json
from huskies_core.operations.runs import quiet_since
from huskies_core.passes.watch_loop import Message
from huskies_core.store.journal import JournalEntry
from huskies_core.store.timers import Timer

WIDE = 90
"""The least width at which a live run is shown with the title of its story."""
_ID, _MARK, _WHEN, _CLOCK, _NAME = 6, 2, 9, 9, 8
_LONGEST_COMMAND = 34


def runs_section(live: Live, width: int, now: datetime) -> Section:
    titles = {card.story.id: card.story.draft.title for cards in live.board.stages.values() for card in cards}
    agent, title = (18, max(24, width // 5)) if width >= WIDE else (12, 0)
    columns = (
        Field("agent", agent - 1),
        Field("", 1),
        Field("title", title),
        *(Field(name, 7, right=True) for name in ("age", "silent", "turns")),
        Field("cost", 9, right=True),
        Field("", 2),
        Field("last output"),
    )
    rows: list[Row] = []
    for item in live.runs:
        run, silent = item.run, render.age(quiet_since(item), now)
        figures = (render.age(run.started_at, now), silent, run.turns, render.cost(run.cost_usd))
        name, last = run.agent or run.kind.value, item.throttled or item.last_line
        cells: tuple[Cell, ...] = (name, "", titles.get(run.story, ""), *figures, "", last)
        fields = [replace(column, cell=cell) for column, cell in zip(columns, cells, strict=True)]
        rows.append((Field(render.mark(mark_now(item)), _MARK), Field(run.story, _ID), *fields))
    names = [replace(column, style="dim") for column in columns]
    return Section([(Field("Runs", _MARK + _ID, style="bold"), *names)], rows, least=4)


def needs_section(board: Board) -> Section:
    stories = [(str(need.story.id), f"{need.rule}: {need.reason}", need.command) for need in board.needs]
    executions = [
        (item.source.replace(":", " "), item.why or item.state, item.command) for item in board.executions
    ]
    needs = [*stories, *executions]
    name_width = max([_ID - 1, *(len(name) for name, _, _ in needs)]) + 1
    command_width = min(_LONGEST_COMMAND, max((len(command) for _, _, command in needs), default=0))
    rows = [
        (
            Field(render.mark(Mark.BLOCKED), _MARK),
            Field(name, name_width),
            Field(why),
            Field("", 1),
            Field(render.Styled(command, "cyan"), command_width),
        )
        for name, why, command in needs
    ]
    return Section([line("Needs you", "bold")], rows)


def limits_section(board: Board) -> Section:
    error = board.config_error
    texts = limit_lines(board.limits) if error is None else (error.message, error.hint)
    rows = [(Field(render.mark(Mark.THROTTLED), _MARK), Field(text)) for text in texts if text]
    return _named("Limits" if error is None else "Error", rows)


def next_section(timers: Sequence[Timer], now: datetime) -> Section:
    names = [timer.draft.label or f"timer {timer.id}" for timer in timers]
    name_width = max(map(len, names), default=0) + 2
    rows = [
        (
            Field(f"in {render.duration((timer.fire_at - now).total_seconds())}", _WHEN),
            Field(name, name_width),
            Field(action_text(timer.draft.action)),
        )
        for timer, name in zip(timers, names, strict=True)
    ]
    return _named("Next", rows)


def _named(name: str, rows: Sequence[Row]) -> Section:
    """Return a section with its name to the left of its first row."""
    named = [(Field("" if number else name, _NAME, style="bold"), *row) for number, row in enumerate(rows)]
    return Section([], named, least=1)


def feed_section(entries: Sequence[JournalEntry], messages: Sequence[Message], now: datetime) -> Section:
    """Return the entries of the journal and the messages by time, the latest last.

    Each has its time of day if it is of today, else its day.
    """
    events = [(entry.at, entry.story or "", entry_words(entry_json(entry)), "") for entry in entries]
    events += [(to_iso(item.at), "", item.text, "red" if item.is_error else "") for item in messages]
    rows: list[Row] = []
    for at, story, text, style in sorted(events, key=lambda event: event[0]):
        then = from_iso(at).astimezone()
        clock = then.strftime("%H:%M:%S" if then.date() == now.astimezone().date() else "%b %d")
        rows.append((Field(clock, _CLOCK, style="dim"), Field(story, _ID), Field(text, style=style)))
    return Section([line("Events", "bold")], rows, least=3, keeps_end=True)
