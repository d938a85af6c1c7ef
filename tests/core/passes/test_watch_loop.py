"""The loop of `watch`: the transitions and errors that its ticks yield."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from huskies_core.clock import utc_now
from huskies_core.context import Context
from huskies_core.passes import pass_sequence
from huskies_core.passes.watch_loop import LoopEvent, LoopMessage, PassStep, RelayThread, WatchLoop
from huskies_core.pipeline.stages import Backlog
from huskies_core.store.journal import JournalEntry
from support.contexts import Clock, opened
from support.stories import import_story


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    with opened(tmp_path / "shop", Clock(utc_now())) as context:
        yield context


@pytest.fixture
def loop(context: Context) -> WatchLoop:
    """Return a loop after its first tick, which finds all passes due."""
    loop = WatchLoop(context, context.project.root, interval=1.0)
    list(loop.tick())
    return loop


def described(events: Iterator[LoopEvent]) -> list[str]:
    texts = []
    for event in events:
        match event:
            case JournalEntry():
                texts.append(f"{event.story} {event.event}")
            case PassStep():
                texts.append(f"{event.pass_name} {event.result.step.verb.value}")
            case LoopMessage():
                texts.append(event.text.partition(":")[0])
    return texts


def test_a_tick_yields_the_transitions_of_other_processes_once(context: Context, loop: WatchLoop) -> None:
    import_story(context.store, Backlog())
    assert (described(loop.tick()), described(loop.tick())) == (["audit-log append_audit", "1 imported"], [])


def test_a_repeated_error_is_yielded_once(context: Context, loop: WatchLoop) -> None:
    config = context.project.project_toml
    valid = config.read_text()
    ticks = []
    for text in ("nonsense = 1\n", "nonsense = 1\n# the same error\n", valid, "nonsense = 1\n"):
        config.write_text(text)
        ticks.append(described(loop.tick()))
    assert ticks == [["config failed"], [], [], ["config failed"]]


def test_an_error_of_the_relay_is_reported_and_the_relay_continues(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []

    def fail(*_: object) -> None:
        calls.append(None)
        if len(calls) == 3:
            raise KeyboardInterrupt
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(pass_sequence, "run_due", fail)
    relay = RelayThread(context.project.root, interval=0.01)
    with pytest.raises(KeyboardInterrupt):
        relay.run()
    failures = [report.failure and report.failure.message for report in relay.take_reports()]
    assert failures == ["ZeroDivisionError: a bug"] * 2
