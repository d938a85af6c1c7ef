"""What stands below the columns: the live runs, what needs a person, limits, what comes next, what just happened."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from huskies_cli import render
from huskies_cli.board import limit_lines
from huskies_cli.journal_lines import entry_words
from huskies_cli.live.layout import Section, line
from huskies_cli.render import Field, Mark, Row
from huskies_cli.status_icons import mark_now
from huskies_cli.views.actions import action_text
from huskies_core.clock import from_iso
from huskies_core.operations.board import Board
from huskies_core.operations.dashboard import Live, LiveRun
from huskies_core.operations.history import entry_json
from huskies_core.operations.runs import quiet_since
from huskies_core.store.journal import JournalEntry
from huskies_core.store.timers import Timer

WIDE = 90
"""From so many columns on a live run is shown with the title of its story."""
_ID, _MARK, _AGE, _TURNS, _COST, _WHEN, _CLOCK, _SPACE, _NAME = 6, 2, 7, 7, 9, 9, 9, 2, 8
_LONGEST_COMMAND = 34


@dataclass(frozen=True)
class Message:
    """What the passes themselves had to say, and when."""

    at: str
    text: str
    is_failure: bool


@dataclass(frozen=True)
class _Widths:
    """Those fields of a run that a wide screen has more room for."""

    agent: int
    title: int
    words: int


def runs_section(live: Live, width: int, now: datetime) -> Section:
    titles = {one.story.id: one.story.draft.title for cards in live.board.stages.values() for one in cards}
    widths = _widths(width)
    rows = [_run(one, titles.get(one.now.run.story, ""), widths, now) for one in live.runs]
    return Section(_runs_heading(widths), rows, least=4)


def needs_section(board: Board, width: int) -> Section:
    stories = [(str(need.story.id), f"{need.rule}: {need.reason}", need.command) for need in board.needs]
    others = [(one.source.replace(":", " "), one.why or one.state, one.command) for one in board.executions]
    rows = [*stories, *others]
    names = max([_ID - 1, *(len(name) for name, _, _ in rows)]) + 1
    command = min(_LONGEST_COMMAND, max((len(text) for _, _, text in rows), default=0))
    why = max(width - _MARK - names - command - 1, 0)
    drawn = [
        (
            Field(render.mark(Mark.BLOCKED), _MARK),
            Field(name, names),
            Field(reason, why),
            Field("", 1),
            Field(render.styled(text, "cyan"), command),
        )
        for name, reason, text in rows
    ]
    return Section(line("Needs you", width, "bold"), drawn)


def limits_section(board: Board, width: int) -> Section:
    found = [*limit_lines(board.limits)]
    if board.config_error is not None:
        found = [board.config_error.message, board.config_error.hint]
    rows = [
        (Field(render.mark(Mark.THROTTLED), _MARK), Field(text, max(width - _NAME - _MARK, 0)))
        for text in found
        if text
    ]
    return _beside("Limits" if board.config_error is None else "Trouble", rows)


def next_section(timers: Sequence[Timer], width: int, now: datetime) -> Section:
    names = max((len(_name(timer)) for timer in timers), default=0) + 2
    rows = [
        (
            Field(f"in {_until(timer.fire_at, now)}", _WHEN),
            Field(_name(timer), names),
            Field(action_text(timer.draft.action), max(width - _NAME - _WHEN - names, 0)),
        )
        for timer in timers
    ]
    return _beside("Next", rows)


def feed_section(
    entries: Sequence[JournalEntry], messages: Sequence[Message], width: int, now: datetime
) -> Section:
    """The newest last."""
    happened = [(entry.at, _story(entry), entry_words(entry_json(entry)), "") for entry in entries]
    said = [(one.at, "", one.text, "red" if one.is_failure else "") for one in messages]
    rows = [_happening(row, width, now) for row in sorted([*happened, *said], key=lambda row: row[0])]
    return Section(line("Happened", width, "bold"), rows, least=3, keeps_end=True)


def _widths(width: int) -> _Widths:
    agent, title = (18, max(24, width // 5)) if width >= WIDE else (12, 0)
    taken = _MARK + _ID + agent + title + 2 * _AGE + _TURNS + _COST + _SPACE
    return _Widths(agent, title, max(width - taken, 0))


def _runs_heading(widths: _Widths) -> Row:
    return (
        Field("Runs", _MARK + _ID, style="bold"),
        Field("agent", widths.agent, style="dim"),
        Field("title" if widths.title else "", widths.title, style="dim"),
        Field("age", _AGE, right=True, style="dim"),
        Field("silent", _AGE, right=True, style="dim"),
        Field("turns", _TURNS, right=True, style="dim"),
        Field("cost", _COST, right=True, style="dim"),
        Field("", _SPACE),
        Field("last output", widths.words, style="dim"),
    )


def _run(one: LiveRun, title: str, widths: _Widths, now: datetime) -> Row:
    run = one.now.run
    return (
        Field(render.mark(mark_now(one.now)), _MARK),
        Field(str(run.story), _ID),
        Field(run.agent or run.kind.value, widths.agent - 1),
        Field("", 1),
        Field(title, widths.title),
        Field(render.age(run.started_at, now), _AGE, right=True),
        Field(render.age(quiet_since(one.now), now), _AGE, right=True),
        Field(str(run.turns), _TURNS, right=True),
        Field(render.cost(run.cost_usd), _COST, right=True),
        Field("", _SPACE),
        Field(one.now.throttled or one.last_line, widths.words),
    )


def _beside(name: str, rows: Sequence[Row]) -> Section:
    """A section with its name beside its first row."""
    names = (name, *[""] * len(rows))
    return Section(
        None,
        [(Field(label, _NAME, style="bold"), *row) for label, row in zip(names, rows, strict=False)],
        least=1,
    )


def _name(timer: Timer) -> str:
    return timer.draft.label or f"timer {timer.id}"


def _until(moment: datetime, now: datetime) -> str:
    return render.duration((moment - now) / timedelta(seconds=1))


def _story(entry: JournalEntry) -> str:
    return "" if entry.story is None else str(entry.story)


def _happening(row: tuple[str, str, str, str], width: int, now: datetime) -> Row:
    """With the time of today, or the day when it was another."""
    at, story, text, style = row
    then = from_iso(at).astimezone()
    clock = then.strftime("%H:%M:%S" if then.date() == now.astimezone().date() else "%b %d")
    rest = max(width - _CLOCK - _ID, 0)
    return (Field(clock, _CLOCK, style="dim"), Field(story, _ID), Field(text, rest, style=style))
