import pytest

from huskies_cli.live.keys import Key, is_torn, presses


@pytest.mark.parametrize(
    ("typed", "pressed"),
    [
        (b"q", ["q"]),
        (b"12\r", ["1", "2", Key.ENTER]),
        (b"\x1b[A\x1b[B\x1bOC\x1b[D", [Key.UP, Key.DOWN, Key.RIGHT, Key.LEFT]),
        (b"\x1b[5~\x1b[6~\x1b[1~\x1b[F", [Key.PAGE_UP, Key.PAGE_DOWN, Key.HOME, Key.END]),
        (b"\x1b", [Key.ESCAPE]),
        (b"\x03\x1a\x0c\x7f", [Key.INTERRUPT, Key.SUSPEND, Key.REDRAW, Key.BACKSPACE]),
        (b"\x1b[200~p\x1b[201~", ["p"]),
        (b"\x00\x01\xff", []),
        ("ä".encode(), ["ä"]),
        (b"", []),
    ],
)
def test_bytes_become_keys(typed: bytes, pressed: list[str]) -> None:
    assert presses(typed) == pressed


def test_an_incomplete_sequence_is_recognised() -> None:
    torn = (b"\x1b", b"q\x1b[", b"\x1bO", b"\x1b[1;5")
    whole = (b"\x1b[A", b"\x1b[5~", b"\x1bOA", b"q", b"")
    assert tuple(typed for typed in (*torn, *whole) if is_torn(typed)) == torn
