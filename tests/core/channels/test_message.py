import json

from huskies_core.channels.message import Message
from support.messages import BLOCKED, LIMITED, ONE, TWO


def test_the_title_of_a_single_notice_is_its_event() -> None:
    assert (ONE.title, ONE.text) == (
        "shop: Story 1 is blocked",
        "Fix <b>it</b> (why & how)\nhuskies unblock 1",
    )
    assert Message("shop", (LIMITED,)).text == "huskies status"


def test_several_notices_are_counted_and_each_has_its_command() -> None:
    assert (TWO.title, TWO.text.splitlines()) == (
        "shop: 2 notices",
        [
            "Story 1 is blocked: Fix <b>it</b> (why & how)",
            "  huskies unblock 1",
            "codex is at its limit",
            "  huskies status",
        ],
    )


def test_earlier_notices_are_counted() -> None:
    many = Message("shop", (LIMITED,), more=7)
    assert (many.title, many.text) == (
        "shop: 8 notices",
        "codex is at its limit\n  huskies status\nand 7 more: huskies history --all",
    )


def test_a_message_is_restored_from_its_json() -> None:
    many = Message("shop", (BLOCKED, LIMITED), more=7)
    data = json.loads(json.dumps(many.to_json()))
    assert (Message.from_json(data), data["text"]) == (many, f"{many.title}\n{many.text}")
