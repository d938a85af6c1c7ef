"""The relay with a gateway that refuses, breaks, is down or is slow: no event is lost and the order stays."""

import json
import logging
import random
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from huskies_core.clock import utc_now
from huskies_core.context import Context
from huskies_core.gateway import ReusedConnection, open_connection
from huskies_core.ids import Seq, StoryId
from huskies_core.passes import pass_sequence
from huskies_core.passes.auto_assign import AUTO_ASSIGN
from huskies_core.passes.due import is_due
from huskies_core.passes.pass_runner import run_pass
from huskies_core.passes.relay import LONGEST_REASON, RELAY, frames_of, relay_pass
from huskies_core.passes.steps import PassReport, StepOutcome
from huskies_core.pipeline.events import Block, Event, Freeze, Start, Unfreeze
from huskies_core.store import pass_times
from huskies_core.store.journal import JournalEntry, JournalKind
from support.contexts import Clock, opened
from support.gateway import Gateway, answer_of, opened_gateway
from support.stories import add_story, apply_to_story

QUICK = relay_pass(partial(open_connection, timeout=1.0), jitter=lambda: 1.0)


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with opened_gateway() as gateway:
        yield gateway


@pytest.fixture
def clock() -> Clock:
    """Use the real time, because `is_due` reads the clock."""
    return Clock(utc_now())


@pytest.fixture
def context(tmp_path: Path, clock: Clock, gateway: Gateway) -> Iterator[Context]:
    """Open a project with a gateway from the environment."""
    with at_gateway(tmp_path / "kennel", clock, gateway.url) as context:
        yield context


@contextmanager
def at_gateway(root: Path, clock: Clock, url: str) -> Iterator[Context]:
    with opened(root, clock) as context:
        context.environ = {**context.environ, "HUSKIES_GATEWAY_URL": url}
        yield context


def move(context: Context, times: int = 1) -> None:
    """Start a story, then freeze and unfreeze it: `times` transitions in all."""
    story = add_story(context.store)
    events: list[Event] = [Start()]
    while len(events) < times:
        events += [Freeze(), Unfreeze()]
    for event in events[:times]:
        apply_to_story(context.store, story.id, event)


def relay(context: Context) -> tuple[StepOutcome, str]:
    (done,) = run_pass(context, QUICK).results
    return done.outcome, done.detail


def relay_at_last(context: Context, clock: Clock) -> None:
    """Repeat the pass after each wait until no event is left."""
    for _ in range(100):
        if not run_pass(context, QUICK).results:
            return
        clock.pass_by(seconds=61)
    raise AssertionError("still not all sent")


MOVED = [("1", "coding"), ("1", "frozen"), ("1", "coding"), ("1", "frozen"), ("1", "coding")]


# a working gateway


def test_each_transition_is_sent_once_in_order_over_one_connection(
    context: Context, gateway: Gateway
) -> None:
    move(context, 3)
    first, second = run_pass(context, QUICK), run_pass(context, QUICK)
    assert ([one.detail for one in first.results], second.results) == (["3 events"], ())
    assert (gateway.transitions, gateway.projects, len(gateway.tokens)) == (MOVED[:3], ["kennel"], 1)


def test_a_dry_run_counts_the_events_and_sends_nothing(context: Context, gateway: Gateway) -> None:
    move(context, 2)
    (planned,) = run_pass(context, QUICK, dry_run=True).results
    assert (planned.outcome, planned.detail, gateway.requests) == (StepOutcome.PLANNED, "2 events", [])


def test_without_a_gateway_nothing_is_sent_and_nothing_is_due(context: Context, gateway: Gateway) -> None:
    context.environ = {"HUSKIES_GATEWAY_URL": ""}
    move(context)
    settle(context)
    assert (run_pass(context, QUICK).results, is_due(state(context)), gateway.requests) == ((), False, [])


def test_the_config_names_gateway_and_project(context: Context, gateway: Gateway) -> None:
    context.environ = {}
    context.project.project_toml.write_text(f'gateway_url = "{gateway.url}/"\ngateway_project = "shop"\n')
    move(context)
    assert (relay(context), gateway.projects) == ((StepOutcome.DONE, "1 event"), ["shop"])


def test_a_kept_connection_is_reused_until_it_breaks(context: Context, gateway: Gateway) -> None:
    kept = ReusedConnection()
    over_kept = relay_pass(kept.to)
    for _ in range(3):
        move(context)
        run_pass(context, over_kept)
    lines = len(gateway.projects)
    gateway.close()
    gateway.open()
    move(context)
    run_pass(context, over_kept)
    kept.close()
    assert (lines, len(gateway.projects)) == (1, 2)
    assert gateway.transitions == [(str(story), "coding") for story in (1, 2, 3, 4)]


# the first event


def test_events_before_the_first_gateway_are_not_sent(context: Context, gateway: Gateway) -> None:
    environ, context.environ = context.environ, {}
    move(context)
    settle(context)
    move(context)
    context.environ = environ
    run_pass(context, QUICK)
    assert gateway.transitions == [("2", "coding")]


def test_events_during_the_absence_of_a_gateway_are_sent_later(context: Context, gateway: Gateway) -> None:
    move(context)
    run_pass(context, QUICK)
    environ, context.environ = context.environ, {}
    move(context)
    settle(context)
    context.environ = environ
    run_pass(context, QUICK)
    assert gateway.transitions == [("1", "coding"), ("2", "coding")]


# due ticks


def state(context: Context) -> str:
    return str(context.project.state_dir)


def settle(context: Context) -> None:
    for _ in range(3):
        pass_sequence.tick(context)


def set_in_config(context: Context, url: str) -> None:
    context.environ = {}
    context.project.project_toml.write_text(f'gateway_url = "{url}"\n')
    context.forget_config()


def test_a_tick_sends_last_and_then_nothing_is_due(context: Context, gateway: Gateway) -> None:
    set_in_config(context, gateway.url)
    move(context)
    reports = pass_sequence.tick(context)
    settle(context)
    assert ([reports[-1].name], gateway.transitions, is_due(state(context))) == (["relay"], MOVED[:1], False)


def test_a_tick_is_due_again_after_the_wait_that_follows_a_failure(
    context: Context, gateway: Gateway
) -> None:
    set_in_config(context, gateway.url)
    gateway.refuses_tokens = answer_of("503 Busy")
    move(context)
    settle(context)
    waiting = is_due(state(context)), pass_sequence.tick(context)
    with context.store.exclusive() as db:
        pass_times.record(db, "relay", last_at=context.now(), due_at=context.now() - timedelta(seconds=1))
    assert (waiting, is_due(state(context))) == ((False, ()), True)


def test_a_gateway_in_the_environment_makes_a_tick_due(
    context: Context, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(context)
    monkeypatch.setenv("HUSKIES_GATEWAY_URL", gateway.url)
    move(context)
    run_pass(context, AUTO_ASSIGN)
    run_pass(context, pass_sequence.PASSES["audit-log"])
    run_pass(context, pass_sequence.PASSES["audit-log"])
    due = is_due(state(context))
    settle(context)
    assert (due, is_due(state(context)), gateway.transitions) == (True, False, MOVED[:1])


def test_a_delay_for_a_removed_gateway_makes_no_tick_due(context: Context, gateway: Gateway) -> None:
    set_in_config(context, gateway.url)
    gateway.refuses_tokens = answer_of("503 Busy")
    move(context)
    settle(context)
    with context.store.exclusive() as db:
        pass_times.record(db, "relay", last_at=context.now(), due_at=context.now() - timedelta(seconds=1))
    set_in_config(context, "")
    settle(context)
    assert not is_due(state(context))


# failures


def test_waits_double_up_to_a_minute_without_an_attempt_in_between(
    context: Context, gateway: Gateway, clock: Clock
) -> None:
    gateway.refuses_tokens = answer_of("503 Busy")
    move(context, 5)
    waits: list[float] = []
    for _ in range(9):
        assert relay(context) == (StepOutcome.FAILED, "gateway: no token: the server answered 503")
        with context.store.reading() as db:
            due_at = pass_times.get(db, "relay").due_at
        assert due_at is not None
        waits.append((due_at - clock.now).total_seconds())
        clock.pass_by(seconds=waits[-1] - 0.1)
        assert run_pass(context, QUICK).results == ()
        clock.pass_by(seconds=0.2)
    assert ([round(wait) for wait in waits], len(gateway.requests)) == ([1, 2, 4, 8, 16, 32, 60, 60, 60], 9)
    gateway.refuses_tokens = b""
    relay_at_last(context, clock)
    assert gateway.transitions == MOVED


def test_the_delays_begin_again_after_a_delivered_frame(
    context: Context, gateway: Gateway, clock: Clock
) -> None:
    move(context, 5)
    waits: list[int] = []
    for strikes in ({1}, set(), {3}):
        gateway.refuses_lines = not strikes
        gateway.hangs_up_at = strikes
        relay(context)
        with context.store.reading() as db:
            due_at = pass_times.get(db, "relay").due_at
        assert due_at is not None
        waits.append(round((due_at - clock.now).total_seconds()))
        clock.pass_by(seconds=61)
    assert waits == [1, 2, 1]


def test_delays_vary_by_ten_percent(context: Context, gateway: Gateway) -> None:
    gateway.close()
    move(context)
    run_pass(context, RELAY)
    with context.store.reading() as db:
        due_at = pass_times.get(db, "relay").due_at
    assert due_at is not None
    assert 0.9 <= (due_at - context.now()).total_seconds() <= 1.1


def test_a_gateway_that_was_down_gets_all_events_when_it_returns(
    context: Context, gateway: Gateway, clock: Clock
) -> None:
    gateway.close()
    move(context, 2)
    away = relay(context)
    gateway.open()
    clock.pass_by(seconds=2)
    run_pass(context, QUICK)
    assert (away, gateway.transitions) == (
        (StepOutcome.FAILED, "gateway: no token: Connection refused"),
        MOVED[:2],
    )


def test_a_connection_that_breaks_within_a_frame_loses_and_repeats_nothing(
    context: Context, gateway: Gateway, clock: Clock
) -> None:
    gateway.tears_at = {2, 4}
    move(context, 5)
    relay_at_last(context, clock)
    assert (gateway.transitions, len(gateway.projects)) == (MOVED, 3)


def test_only_an_unconfirmed_frame_is_sent_twice(context: Context, gateway: Gateway, clock: Clock) -> None:
    gateway.hangs_up_at = {3}
    move(context, 5)
    broke = relay(context)
    clock.pass_by(seconds=2)
    run_pass(context, QUICK)
    assert (broke[0], gateway.transitions) == (StepOutcome.FAILED, [*MOVED[:3], *MOVED[2:]])


def test_a_confirmed_first_frame_of_a_transition_is_not_sent_again(
    context: Context, gateway: Gateway, clock: Clock
) -> None:
    gateway.hangs_up_at = {2}
    story = add_story(context.store)
    apply_to_story(context.store, story.id, Block("why?"))
    relay_at_last(context, clock)
    assert [frame["type"] for frame in gateway.frames] == [
        "stage_transition",
        "story_blocked",
        "story_blocked",
    ]


def test_an_attempt_ends_if_the_gateway_takes_frames_but_never_answers(
    context: Context, gateway: Gateway, clock: Clock
) -> None:
    gateway.is_mute_at = {1}
    move(context, 2)
    mute = relay(context)
    relay_at_last(context, clock)
    clock.pass_by(seconds=2)
    relay_at_last(context, clock)
    assert mute == (StepOutcome.FAILED, "gateway: a frame was not confirmed in time")
    assert gateway.transitions == [MOVED[0], *MOVED[:2]]


@pytest.mark.parametrize("seed", range(6))
def test_no_break_loses_an_event_and_each_repeats_at_most_one_frame(
    context: Context, gateway: Gateway, clock: Clock, seed: int
) -> None:
    chance = random.Random(seed)
    gateway.hangs_up_at = set(chance.sample(range(1, 30), 6))
    gateway.tears_at = set(chance.sample(range(1, 30), 6))
    move(context, 30)
    relay_at_last(context, clock)
    transitions = [
        frame
        for frame, before in zip(gateway.frames, [None, *gateway.frames], strict=False)
        if frame != before
    ]
    assert [frame["to_stage"] for frame in transitions] == ["coding", "frozen"] * 15
    assert len(gateway.frames) - len(transitions) <= 6


# secrets


REFUSALS = {
    "a token that is refused": b"",
    "no token": answer_of("403 No"),
    "another answer": answer_of("200 OK", '{"tokens": []}'),
    "no JSON": answer_of("200 OK", "secret"),
    "no HTTP": b"secret\r\n\r\n",
    "nothing": b"\r\n",
    "somewhere else": answer_of("307 There", more="Location: http://127.0.0.1:1/secret\r\n"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_errors_contain_neither_token_nor_password(
    tmp_path: Path, clock: Clock, gateway: Gateway, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    caplog.set_level(logging.DEBUG)
    gateway.refuses_tokens, gateway.refuses_lines = REFUSALS[name], True
    with at_gateway(tmp_path / "repo", clock, gateway.url.replace("//", "//zoe:open%20sesame@")) as context:
        move(context)
        outcome, detail = relay(context)
    output = detail + caplog.text
    assert (outcome, [word for word in ("secret", "zoe", "sesame", "em9l") if word in output]) == (
        StepOutcome.FAILED,
        [],
    )
    assert [headers["Authorization"] for headers in gateway.requests] == ["Basic em9lOm9wZW4gc2VzYW1l"]


def test_a_working_connection_logs_nothing(
    context: Context, gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    move(context)
    run_pass(context, QUICK)
    assert (gateway.transitions, "secret" in caplog.text) == (MOVED[:1], False)


def test_an_invalid_address_fails_the_pass_without_printing_the_address(context: Context) -> None:
    context.environ = {"HUSKIES_GATEWAY_URL": "ws://ann:word@host"}
    move(context)
    report: PassReport = pass_sequence.tick(context)[-1]
    assert report.failure is not None
    assert (report.name, report.failure.code, "word" in report.failure.message) == (
        "relay",
        "config_error",
        False,
    )


def test_without_the_package_the_extra_is_named(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "websockets.sync.client", None)
    move(context)
    (done,) = run_pass(context, QUICK).results
    assert (done.error, done.detail) == (
        "missing_extra",
        "sending events to a gateway requires the package websockets",
    )


def frames_for(event: str, before: str | None, after: str, detail: Mapping[str, Any]) -> list[dict[str, Any]]:
    at = "2026-03-01T12:00:00.250Z"
    entry = JournalEntry(
        Seq(7), at, JournalKind.TRANSITION, StoryId(12), event, before, after, "user:test", detail
    )
    return [json.loads(frame) for frame in frames_of(entry)]


def frame(kind: str, **fields: str) -> dict[str, Any]:
    return {"type": kind, "story_id": "12", **fields, "timestamp_ms": 1772366400250}


def moved(before: str, after: str) -> dict[str, Any]:
    return frame("stage_transition", from_stage=before, to_stage=after)


CONFLICT = {"kind": "conflict_detected", "detail": "a.txt\nb.txt"}


@pytest.mark.parametrize(
    ("event", "before", "after", "detail", "frames"),
    [
        ("start", "backlog", "coding", {}, [moved("backlog", "coding")]),
        ("imported", None, "merge", {"title": "x"}, [moved("", "merge")]),
        (
            "merge_failed",
            "merge",
            "merge_failure",
            CONFLICT,
            [
                moved("merge", "merge_failure"),
                frame("merge_failure", reason="conflict_detected: a.txt\nb.txt"),
            ],
        ),
        (
            "merge_failed",
            "merge_failure",
            "merge_failure",
            CONFLICT,
            [moved("merge_failure", "merge_failure")],
        ),
        (
            "merge_failed",
            "merge",
            "merge_failure",
            {"kind": "no_commits", "detail": ""},
            [moved("merge", "merge_failure"), frame("merge_failure", reason="no_commits")],
        ),
        (
            "block",
            "qa",
            "blocked",
            {"reason": "which colour?"},
            [moved("qa", "blocked"), frame("story_blocked", reason="which colour?")],
        ),
        ("unfreeze", "frozen", "blocked", {}, [moved("frozen", "blocked")]),
    ],
)
def test_a_failed_merge_and_a_block_have_a_second_frame(
    event: str, before: str | None, after: str, detail: dict[str, str], frames: list[dict[str, Any]]
) -> None:
    assert frames_for(event, before, after, detail) == frames


def test_a_long_reason_is_cut_to_its_end() -> None:
    reason = frames_for("block", "qa", "blocked", {"reason": "x" * 100_000 + "end"})[1]["reason"]
    assert (len(reason), reason[-3:]) == (LONGEST_REASON, "end")
