"""The board as it is drawn for people."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from huskies_cli import render
from huskies_cli.render import Mark
from huskies_core.clock import to_iso, to_local
from huskies_core.operations.board import Board, Need, State
from huskies_core.operations.limits import Limits
from huskies_core.operations.runs import RunNow, quiet_since
from huskies_core.passes.relay import Unreached
from huskies_core.pipeline.stages import TERMINAL, StageName
from huskies_core.sanitize import one_line
from huskies_core.store.notifications import Notification

MOST = 12
"""How many stories of one stage are drawn, and how many needs; the JSON has all of them."""
MARKS = {
    State.IDLE: Mark.IDLE,
    State.RUNNING: Mark.RUNNING,
    State.THROTTLED: Mark.THROTTLED,
    State.BLOCKED: Mark.BLOCKED,
}


def draw_board(board: Board, now: datetime) -> str:
    parts = [
        _section("Stories", render.table(("stage", "", "id", "title", "why"), _story_rows(board))),
        _section("Runs", render.table(_RUN_COLUMNS, [_run_row(one, now) for one in board.runs])),
        _section("Needs you", render.table(("id", "why", "command"), _need_rows(board.needs))),
        _section("Timers and triggers", render.table(("name", "why", "command"), _firing_rows(board))),
        _section("Limits", "\n".join(map(render.line, limit_lines(board.limits)))),
        _finished(board),
    ]
    return render.paragraphs(*parts)


def _section(name: str, text: str) -> str:
    return f"{render.heading(name)}\n{text}" if text else ""


def _story_rows(board: Board) -> Iterable[Sequence[render.Cell]]:
    """The name of a stage stands at its first story only."""
    for name, cards in board.stages.items():
        for place, card in enumerate(cards[:MOST]):
            stage = name.value if place == 0 else ""
            title, why = _short(card.story.draft.title, 32), _short(card.why, 60)
            yield (stage, render.mark(MARKS[card.state]), card.story.id, title, why)
        if len(cards) > MOST:
            yield ("", None, None, f"and {len(cards) - MOST} more", f"huskies list --stage {name.value}")


def _short(text: str, most: int) -> str:
    """Cut so that a row is one line of a terminal, two at most; `explain` and the JSON have it whole."""
    line = one_line(text)
    return line if len(line) <= most else f"{line[: most - 1]}…"


_RUN_COLUMNS = ("run", "story", "kind", "agent", "age", "silent", "turns", "cost")


def _run_row(one: RunNow, now: datetime) -> tuple[render.Cell, ...]:
    run, quiet = one.run, render.age(quiet_since(one), now)
    kind = f"{run.kind} (dead)" if one.dead else run.kind
    age = render.age(run.started_at, now)
    return (run.id, run.story, kind, run.agent, age, quiet, run.turns, render.cost(run.cost_usd))


def _need_rows(needs: Sequence[Need]) -> Iterable[Sequence[render.Cell]]:
    for need in needs[:MOST]:
        why = _short(f"{need.rule}: {need.reason}", 60)
        cause = f" (cause: {need.cause})" if need.cause else ""
        yield (need.story.id, why, render.styled(f"{need.command}{cause}", "cyan"))
    if len(needs) > MOST:
        yield (None, f"and {len(needs) - MOST} more: huskies status --json", "")


def _firing_rows(board: Board) -> Iterable[Sequence[render.Cell]]:
    for one in board.firings[:MOST]:
        why = _short(one.why if one.why.startswith(one.state) else f"{one.state}: {one.why}", 60)
        yield (one.source.replace(":", " "), why, render.styled(one.command, "cyan"))


def limit_lines(limits: Limits | None) -> Iterable[str]:
    """What is reached, held or found, a line each; nothing while all is well."""
    if limits is None:
        return
    if limits.pause is not None:
        why = f": {limits.pause.reason}" if limits.pause.reason else ""
        yield f"paused: no agent is started, since {limits.pause.since}, by {limits.pause.by}{why} (huskies resume)"
    for name, places in (("max_coders", limits.coders), ("max_gates", limits.gates)):
        if places.live >= places.most:
            yield f"{name}: {places.live} of {places.most} are live"
    if limits.day.is_reached:
        used, most = render.money(limits.day.usd), render.money(limits.day.most or 0)
        yield f"budget.per_day_usd: {used} of {most} are used, until {to_local(limits.day.until)}"
    for story in limits.over_budget:
        yield f"budget.per_story_usd: story {story} has used its budget"
    yield from _queue_lines(limits)
    yield from _wait_lines(limits)
    yield from _gateway_lines(limits.gateway)
    yield from _untold_lines(limits.untold)
    for found in limits.findings:
        runs = ", ".join(map(str, found.runs))
        yield f"repository_changed: {found.change} ({found.at}; live then: run {runs})"


def _wait_lines(limits: Limits) -> Iterable[str]:
    for limit in limits.accounts:
        told = f" ({limit.detail})" if limit.detail else ""
        yield f"rate_limited: nobody of {limit.account} is started until {to_iso(limit.until)}{told}"
    for one in limits.throttled:
        yield f"{one.why}: {one.agent or 'the gates'} on story {one.story} until {to_iso(one.until)}"


def _gateway_lines(found: Unreached | None) -> Iterable[str]:
    if found is not None:
        again = "" if found.next_try is None else f"; the next try is at {to_iso(found.next_try)}"
        tries = "once" if found.failures == 1 else f"{found.failures} times in a row"
        late = "1 transition waits" if found.waiting == 1 else f"{found.waiting} transitions wait"
        yield f"{found.why} ({tries}); {late} to be sent{again}"


def _untold_lines(found: Sequence[Notification]) -> Iterable[str]:
    for one in found:
        yield f"notification {one.id} {one.status}: {_short(one.trouble, 120)}; huskies notify --list has it all"


def _queue_lines(limits: Limits) -> Iterable[str]:
    for hold in limits.holds:
        what = f"story {hold.story}" if hold.story else "the merge queue"
        yield f"{hold.kind}: holds {what} since {hold.since}"
    for story in limits.starving:
        yield f"merge.starvation_secs: story {story.id} is in the merge queue since {story.stage_entered_at}"


def _finished(board: Board) -> str:
    """How many stories are over; nothing else is said of them."""
    counts = [
        f"{board.counts[name]} {name.value}"
        for name in StageName
        if name in TERMINAL and name in board.counts
    ]
    return render.line(", ".join(counts)) if counts else ""
