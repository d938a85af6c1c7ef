"""The sections below the columns: live runs, stories that need a person, limits, next timers and latest events."""

from collections.abc import Sequence
from datetime import datetime

from huskies_cli import render
from huskies_cli.board import limit_lines
from huskies_cli.journal_lines import entry_words
from huskies_cli.live.layout import Section, line
from huskies_cli.render import Field, Mark, Row
from huskies_cli.status_icons import mark_now
from huskies_cli.views.actions import action_text
from huskies_core.clock import from_iso, to_iso
from huskies_core.operations.board import Board
from huskies_core.operations.dashboard import Live, LiveRun
from huskies_core.operations.history import entry_json
from huskies_core.operations.runs import quiet_since
from huskies_core.passes.watch_loop import Message
from huskies_core.store.journal import JournalEntry
from huskies_core.store.timers import Timer

WIDE = 90
"""The least width at which a live run is shown with the title of its story."""
_ID, _MARK, _AGE, _TURNS, _COST, _WHEN, _CLOCK, _SPACE, _NAME = 6, 2, 7, 7, 9, 9, 9, 2, 8
_LONGEST_COMMAND = 34


def runs_section(live: Live, width: int, now: datetime) -> Section:
    titles = {card.story.id: card.story.draft.title for cards in live.board.stages.values() for card in cards}
    agent, title = (18, max(24, width // 5)) if width >= WIDE else (12, 0)
    others = _MARK + _ID + agent + title + 2 * _AGE + _TURNS + _COST + _SPACE
    output = max(width - others, 0)
    heading = (
        Field("Runs", _MARK + _ID, style="bold"),
        Field("agent", agent, style="dim"),
        Field("title", title, style="dim"),
        Field("age", _AGE, right=True, style="dim"),
        Field("silent", _AGE, right=True, style="dim"),
        Field("turns", _TURNS, right=True, style="dim"),
        Field("cost", _COST, right=True, style="dim"),
        Field("", _SPACE),
        Field("last output", output, style="dim"),
    )
    rows = [
        _run_row(item, titles.get(item.now.run.story, ""), (agent, title, output), now) for item in live.runs
    ]
    return Section(heading, rows, least=4)


def _run_row(item: LiveRun, title: str, widths: tuple[int, int, int], now: datetime) -> Row:
    """Return the row of a run; `widths` are those of agent, title and output."""
    run, (agent_width, title_width, output_width) = item.now.run, widths
    return (
        Field(render.mark(mark_now(item.now)), _MARK),
        Field(str(run.story), _ID),
        Field(run.agent or run.kind.value, agent_width - 1),
        Field("", 1),
        Field(title, title_width),
        Field(render.age(run.started_at, now), _AGE, right=True),
        Field(render.age(quiet_since(item.now), now), _AGE, right=True),
        Field(str(run.turns), _TURNS, right=True),
        Field(render.cost(run.cost_usd), _COST, right=True),
        Field("", _SPACE),
        Field(item.now.throttled or item.last_line, output_width),
    )


def needs_section(board: Board, width: int) -> Section:
    stories = [(str(need.story.id), f"{need.rule}: {need.reason}", need.command) for need in board.needs]
    executions = [
        (item.source.replace(":", " "), item.why or item.state, item.command) for item in board.executions
    ]
    needs = [*stories, *executions]
    name_width = max([_ID - 1, *(len(name) for name, _, _ in needs)]) + 1
    command_width = min(_LONGEST_COMMAND, max((len(command) for _, _, command in needs), default=0))
    why_width = max(width - _MARK - name_width - command_width - 1, 0)
    rows = [
        (
            Field(render.mark(Mark.BLOCKED), _MARK),
            Field(name, name_width),
            Field(why, why_width),
            Field("", 1),
            Field(render.styled(command, "cyan"), command_width),
        )
        for name, why, command in needs
    ]
    return Section(line("Needs you", width, "bold"), rows)


def limits_section(board: Board, width: int) -> Section:
    error = board.config_error
    texts = [*limit_lines(board.limits)] if error is None else [error.message, error.hint]
    rows = [
        (Field(render.mark(Mark.THROTTLED), _MARK), Field(text, max(width - _NAME - _MARK, 0)))
        for text in texts
        if text
    ]
    return _named("Limits" if error is None else "Error", rows)


def next_section(timers: Sequence[Timer], width: int, now: datetime) -> Section:
    names = [timer.draft.label or f"timer {timer.id}" for timer in timers]
    name_width = max(map(len, names), default=0) + 2
    rows = [
        (
            Field(f"in {render.duration((timer.fire_at - now).total_seconds())}", _WHEN),
            Field(name, name_width),
            Field(action_text(timer.draft.action), max(width - _NAME - _WHEN - name_width, 0)),
        )
        for timer, name in zip(timers, names, strict=True)
    ]
    return _named("Next", rows)


def feed_section(
    entries: Sequence[JournalEntry], messages: Sequence[Message], width: int, now: datetime
) -> Section:
    """Return the entries of the journal and the messages by time, the latest last."""
    events = [(entry.at, str(entry.story or ""), entry_words(entry_json(entry)), "") for entry in entries]
    events += [(to_iso(item.at), "", item.text, "red" if item.is_error else "") for item in messages]
    rows = [_event(event, width, now) for event in sorted(events, key=lambda event: event[0])]
    return Section(line("Events", width, "bold"), rows, least=3, keeps_end=True)


def _named(name: str, rows: Sequence[Row]) -> Section:
    """Return a section with its name to the left of its first row."""
    named = [(Field("" if number else name, _NAME, style="bold"), *row) for number, row in enumerate(rows)]
    return Section(None, named, least=1)


def _event(event: tuple[str, str, str, str], width: int, now: datetime) -> Row:
    """Return the row of an event, with the time if it is of today, else with the day."""
    at, story, text, style = event
    then = from_iso(at).astimezone()
    clock = then.strftime("%H:%M:%S" if then.date() == now.astimezone().date() else "%b %d")
    rest = max(width - _CLOCK - _ID, 0)
    return (Field(clock, _CLOCK, style="dim"), Field(story, _ID), Field(text, rest, style=style))
