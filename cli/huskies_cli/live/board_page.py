"""The board on a screen: a head, the stages as columns, and below them live runs, stories that need a person, limits,
next timers and latest events."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from huskies_cli import render
from huskies_cli.board import limit_lines
from huskies_cli.journal_lines import entry_words
from huskies_cli.live.columns import Spot, column_rows, columns_of, find
from huskies_cli.live.layout import GAP, Section, beside, line, share_out, stacked
from huskies_cli.render import Cell, Field, Mark, Row
from huskies_cli.status_icons import mark_now
from huskies_cli.views.timers import action_text
from huskies_core.clock import from_iso, to_iso
from huskies_core.ids import StoryId
from huskies_core.operations.board import Board
from huskies_core.operations.dashboard import Live
from huskies_core.operations.record_json import entry_json
from huskies_core.operations.runs import quiet_since
from huskies_core.passes.watch_loop import LoopMessage
from huskies_core.pipeline.stages import TERMINAL
from huskies_core.store.journal import JournalEntry
from huskies_core.store.timers import Timer

TWO_BLOCKS = 150
"""The least width at which the sections are in two blocks side by side."""
WIDE = 90
"""The least width of a block at which a live run is shown with the title of its story."""
_LEAST_LINES = 4
_LONGEST_COMMAND = 34
_ID, _MARK, _WHEN, _CLOCK, _NAME = 6, 2, 9, 9, 8
_KEYS = "q quit · p {pause} · ? keys · ←↑↓→ select · Enter its log · or a number and Enter"


class Screen(Struct, frozen=True):
    """The size of the screen, the selected story, the messages of the passes, and a `note` that replaces the keys.

    A picture has neither keys nor a note.
    """

    width: int
    lines: int
    selected: StoryId | None = None
    note: str = ""
    messages: Sequence[LoopMessage] = ()
    is_picture: bool = False


def board_rows(live: Live, screen: Screen, name: str, now: datetime) -> list[Row]:
    """Return one row for each line of the screen. `name` is that of the project."""
    columns = columns_of(live)
    spot = None if screen.selected is None else find(columns, screen.selected)
    foot = [] if screen.is_picture else _foot(live, screen, spot)
    is_wide = screen.width >= TWO_BLOCKS
    left = (screen.width - GAP) // 2 if is_wide else screen.width
    work = [_runs_section(live, left, now), _needs_section(live.board), _limits_section(live.board)]
    events = [_next_section(live.timers, now), _feed_section(live.feed, screen.messages, now)]
    blocks = [work, events] if is_wide else [[*work, *events]]
    # Each section is followed by an empty line.
    heights = [sum(section.height + 1 for section in block if section.rows) for block in blocks]
    longest = 1 + max(len(column.spots) for column in columns)
    room = screen.lines - 2 - len(foot)
    least = (max(_LEAST_LINES, room // 3), room)
    upper, lower = share_out((longest, max(heights)), least, max(room, 0))
    stages = column_rows(columns, None if spot is None else spot.story.id, screen.width, upper)
    sections = [stacked(block, lower - 1) for block in blocks]
    below = beside(sections[0], sections[1], left) if is_wide else sections[0]
    rows = [_head(live, name, screen.width), (), *stages, (), *below]
    height = max(screen.lines - len(foot), 0)
    return [*rows[:height], *[()] * (height - len(rows)), *foot]


def _head(live: Live, name: str, width: int) -> Row:
    board = live.board
    finished = sum(count for stage, count in board.counts.items() if stage in TERMINAL)
    counts = (
        (Mark.RUNNING, len(live.runs), "running"),
        (Mark.BLOCKED, len(board.needs), "for you"),
        (Mark.DONE, finished, "finished"),
    )
    facts = [render.mark(mark, f"{count} {text}") for mark, count, text in counts if count]
    if board.limits:
        facts.append(render.Styled(f"{render.money(board.limits.day.spent_usd)} today", ""))
    if live.pause is not None:
        facts.append(render.Styled("paused", "bold yellow"))
    fields = [Field(fact, len(fact.text) + 3) for fact in facts]
    rest = width - sum(len(fact.text) + 3 for fact in facts)
    return (Field(f"huskies {name}", max(rest, 12), style="bold"), *fields)


def _foot(live: Live, screen: Screen, spot: Spot | None) -> list[Row]:
    """Return the selected story with the reason for its place on the board, then the note or the keys."""
    reason = "" if spot is None else f"{spot.story.id} {spot.story.draft.title}: {spot.why}"
    keys = _KEYS.format(pause="resume" if live.pause is not None else "pause")
    return [line(reason, "dim"), line(screen.note) if screen.note else line(keys, "dim")]


def _runs_section(live: Live, width: int, now: datetime) -> Section:
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


def _needs_section(board: Board) -> Section:
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


def _limits_section(board: Board) -> Section:
    error = board.config_error
    texts = limit_lines(board.limits) if error is None else (error.message, error.hint)
    rows = [(Field(render.mark(Mark.THROTTLED), _MARK), Field(text)) for text in texts if text]
    return _named("Limits" if error is None else "Error", rows)


def _next_section(timers: Sequence[Timer], now: datetime) -> Section:
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


def _feed_section(entries: Sequence[JournalEntry], messages: Sequence[LoopMessage], now: datetime) -> Section:
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
