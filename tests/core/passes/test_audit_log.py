import json

import pytest

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.passes.audit_log import AUDIT_LOG, last_seq
from huskies_core.passes.pass_runner import run_pass
from huskies_core.pipeline.events import Block, Freeze, Start, Unfreeze
from support.stories import add_story, apply_to_story


def lines(context: Context) -> list[tuple[int, str]]:
    text = context.project.audit_log.read_text()
    return [(row["seq"], row["event"]) for row in map(json.loads, text.splitlines())]


def move_twice(context: Context) -> None:
    story = add_story(context.store)
    apply_to_story(context.store, story.id, Start())
    apply_to_story(context.store, story.id, Freeze())


def test_each_transition_is_one_line_and_a_second_run_adds_no_line(context: Context) -> None:
    move_twice(context)
    first, second = run_pass(context, AUDIT_LOG), run_pass(context, AUDIT_LOG)
    assert (len(first.results), second.results, lines(context)) == (1, (), [(2, "start"), (3, "freeze")])


@pytest.mark.parametrize("kept", range(0, 400, 7))
def test_a_torn_tail_is_cut_off_and_written_again(context: Context, kept: int) -> None:
    move_twice(context)
    run_pass(context, AUDIT_LOG)
    whole = context.project.audit_log.read_bytes()
    context.project.audit_log.write_bytes(whole[:kept])
    run_pass(context, AUDIT_LOG)
    assert context.project.audit_log.read_bytes() == whole


@pytest.mark.parametrize(
    "line", ["garbage", "[]", "null", "seq", "\\xff", '{"seq": null}', '{"seq": "abc"}', "{}"]
)
def test_a_last_line_that_no_version_wrote_is_an_error(context: Context, line: str) -> None:
    """Without a position, the pass would never append a row again, or append every row a second time."""
    move_twice(context)
    run_pass(context, AUDIT_LOG)
    whole = json.loads(context.project.audit_log.read_text().splitlines()[-1])
    row = json.dumps({**whole, **json.loads(line)}) if line.startswith("{") and line != "{}" else line
    with context.project.audit_log.open("ab") as log:
        log.write(row.encode().replace(b"\\xff", b"\xff") + b"\n")
    apply_to_story(context.store, 1, Unfreeze())
    with pytest.raises(HuskiesError) as refused:
        run_pass(context, AUDIT_LOG)
    assert refused.value.code == "audit_damaged"


def test_a_line_longer_than_one_read_is_found(context: Context) -> None:
    story = add_story(context.store)
    apply_to_story(context.store, story.id, Block("x" * 200_000))
    run_pass(context, AUDIT_LOG)
    assert last_seq(context.project.audit_log) == 2


def test_a_thousand_transitions_and_one_more_are_written_at_once(context: Context) -> None:
    story = add_story(context.store)
    apply_to_story(context.store, story.id, Start())
    for _ in range(500):
        apply_to_story(context.store, story.id, Freeze())
        apply_to_story(context.store, story.id, Unfreeze())
    first, second = run_pass(context, AUDIT_LOG), run_pass(context, AUDIT_LOG)
    assert ([one.detail for one in first.results], second.results) == (["1001 rows"], ())
    assert [seq for seq, _ in lines(context)] == list(range(2, 1003))


def test_a_missing_log_is_written_from_the_first_row(context: Context) -> None:
    move_twice(context)
    run_pass(context, AUDIT_LOG)
    context.project.audit_log.unlink()
    run_pass(context, AUDIT_LOG)
    assert lines(context) == [(2, "start"), (3, "freeze")]
