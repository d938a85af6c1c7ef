"""The board as text."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from huskies_cli import render
from huskies_cli.render import Mark
from huskies_core.clock import to_iso, to_local
from huskies_core.humanize import format_count
from huskies_core.operations.board import Board, Need, State
from huskies_core.operations.limits import LimitsReport
from huskies_core.operations.runs import RunNow, quiet_since
from huskies_core.passes.relay import Unreached
from huskies_core.pipeline.stages import TERMINAL, StageName
from huskies_core.store.notifications import Notification

MOST = 12
"""The most rows for a stage, and for the stories that need a person; the JSON has all."""
MARKS = {
    State.IDLE: Mark.IDLE,
    State.RUNNING: Mark.RUNNING,
    State.THROTTLED: Mark.THROTTLED,
    State.BLOCKED: Mark.BLOCKED,
}


def draw_board(board: Board, now: datetime) -> str:
    return render.paragraphs(
        render.section("Stories", render.table(("stage", "", "id", "title", "why"), _story_rows(board))),
        render.section("Runs", render.table(_RUN_COLUMNS, [_run_row(item, now) for item in board.runs])),
        render.section("Needs you", render.table(("id", "why", "command"), _need_rows(board.needs))),
        render.section(
            "Timers and triggers", render.table(("name", "why", "command"), _execution_rows(board))
        ),
        render.section("Limits", "\n".join(map(render.line, limit_lines(board.limits)))),
        _finished(board),
    )


def _story_rows(board: Board) -> Iterable[Sequence[render.Cell]]:
    """Yield the rows of stories; only the first of a stage has its name."""
    for name, cards in board.stages.items():
        for position, card in enumerate(cards[:MOST]):
            stage = name.value if position == 0 else ""
            title, why = render.shortened(card.story.draft.title, 32), render.shortened(card.why, 60)
            yield (stage, render.mark(MARKS[card.state]), card.story.id, title, why)
        if len(cards) > MOST:
            yield ("", None, None, f"and {len(cards) - MOST} more", f"huskies list --stage {name.value}")


_RUN_COLUMNS = ("run", "story", "kind", "agent", "age", "silent", "turns", "cost")


def _run_row(item: RunNow, now: datetime) -> tuple[render.Cell, ...]:
    run, quiet = item.run, render.age(quiet_since(item), now)
    kind = f"{run.kind} (dead)" if item.dead else run.kind
    age = render.age(run.started_at, now)
    return (run.id, run.story, kind, run.agent, age, quiet, run.turns, render.cost(run.cost_usd))


def _need_rows(needs: Sequence[Need]) -> Iterable[Sequence[render.Cell]]:
    for need in needs[:MOST]:
        why = render.shortened(f"{need.rule}: {need.reason}", 60)
        cause = f" (cause: {need.cause})" if need.cause else ""
        yield (need.story.id, why, render.Styled(f"{need.command}{cause}", "cyan"))
    if len(needs) > MOST:
        yield (None, f"and {len(needs) - MOST} more: huskies status --json", "")


def _execution_rows(board: Board) -> Iterable[Sequence[render.Cell]]:
    for item in board.executions[:MOST]:
        why = render.shortened(
            item.why if item.why.startswith(item.state) else f"{item.state}: {item.why}", 60
        )
        yield (item.source.replace(":", " "), why, render.Styled(item.command, "cyan"))


def limit_lines(limits: LimitsReport | None) -> Iterable[str]:
    """Yield a line for each limit that is reached, each queue hold and each finding."""
    if limits is None:
        return
    if limits.pause is not None:
        why = f": {limits.pause.reason}" if limits.pause.reason else ""
        yield f"paused: no agent starts, since {limits.pause.since}, by {limits.pause.by}{why} (huskies resume)"
    for name, slots in (("max_coders", limits.coders), ("max_gates", limits.gates)):
        if slots.reached:
            yield f"{name}: {slots.live} of {slots.most} are live"
    if limits.day.reached:
        used, most = render.money(limits.day.spent_usd), render.money(limits.day.most_usd or 0)
        yield f"budget.per_day_usd: {used} of {most} are spent, until {to_local(limits.day.until)}"
    for story in limits.over_budget:
        yield f"budget.per_story_usd: story {story} has used its budget"
    yield from _queue_lines(limits)
    yield from _wait_lines(limits)
    yield from _gateway_lines(limits.gateway)
    yield from _notification_lines(limits.undelivered)
    for finding in limits.findings:
        runs = ", ".join(map(str, finding.runs))
        yield f"repository_changed: {finding.change} ({finding.at}; live then: run {runs})"


def _wait_lines(limits: LimitsReport) -> Iterable[str]:
    for limit in limits.accounts:
        detail = f" ({limit.detail})" if limit.detail else ""
        yield f"rate_limited: no agent of {limit.account} starts until {to_iso(limit.until)}{detail}"
    for item in limits.throttled:
        yield f"{item.rule}: {item.agent or 'the gates'} on story {item.story} until {to_iso(item.until)}"


def _gateway_lines(gateway: Unreached | None) -> Iterable[str]:
    if gateway is not None:
        again = "" if gateway.next_try is None else f"; the next attempt is at {to_iso(gateway.next_try)}"
        attempts = "once" if gateway.failures == 1 else f"{gateway.failures} times in a row"
        unsent = format_count(gateway.waiting, "unsent transition")
        yield f"{gateway.why} ({attempts}); {unsent}{again}"


def _notification_lines(notifications: Sequence[Notification]) -> Iterable[str]:
    for item in notifications:
        problem = render.shortened(item.problem, 120)
        yield f"notification {item.id} {item.status}: {problem}; see huskies notify --list"


def _queue_lines(limits: LimitsReport) -> Iterable[str]:
    for hold in limits.holds:
        subject = f"story {hold.story}" if hold.story else "the merge queue"
        yield f"{hold.kind}: holds {subject} since {hold.since}"
    for story in limits.starving:
        yield f"merge.starvation_secs: story {story.id} has been in the merge queue since {story.stage_entered_at}"


def _finished(board: Board) -> str:
    """Return how many stories have finished."""
    finished = [name for name in StageName if name in TERMINAL and name in board.counts]
    counts = [f"{board.counts[name]} {name.value}" for name in finished]
    return render.line(", ".join(counts)) if counts else ""
