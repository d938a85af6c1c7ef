"""Tables, marks and ages: plain without a terminal; coloured and cut to the width of a terminal."""

import os
import pty
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from huskies_cli import render
from huskies_cli.render import Mark
from support.screen import Screen

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_table_without_a_terminal_is_aligned_plain_and_not_cut() -> None:
    long = "x" * 300
    drawn = render.table(
        ("", "id", "title"),
        [
            (render.mark(Mark.RUNNING), 7, "short"),
            (render.mark(Mark.BLOCKED), 123, long),
            (None, None, "\U0001f43a [b]"),
        ],
    )
    assert drawn.splitlines() == [
        "    ID  TITLE",
        "●    7  short",
        f"✗  123  {long}",
        "        \U0001f43a [b]",
    ]


def test_a_table_without_rows_is_empty() -> None:
    assert (render.table(("id",), []), render.fields([])) == ("", "")


def test_text_is_put_on_one_line_without_control_characters() -> None:
    evil = "a\x1b[2J\nb\tc\u202e"
    assert render.table(("t",), [(evil,)]) == "T\na b c"
    assert render.fields([("t", evil)]) == "t  a b c"
    assert render.line(evil, render.Styled(evil, "red")) == "a b c a b c"
    assert render.block("one\n\n two\x1b[31m\r\n") == "  one\n\n   two"


def test_fields_are_aligned_and_empty_fields_left_out() -> None:
    assert render.fields([("id", 12), ("title", "T"), ("agent", None), ("qa", ""), ("priority", 0)]) == (
        "id        12\ntitle     T\npriority  0"
    )


def test_empty_paragraphs_are_left_out() -> None:
    assert render.paragraphs("a", "", "b") == "a\n\nb"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "0s"),
        (0, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (3599, "59m"),
        (3600, "1h"),
        (86_400, "24h"),
        (172_800, "2d"),
    ],
)
def test_an_age_is_one_number_and_one_unit(seconds: float, shown: str) -> None:
    moment = NOW - timedelta(seconds=seconds)
    assert (render.age(moment, NOW), render.duration(seconds)) == (shown, shown)


def test_an_age_is_computed_from_a_time_of_the_store() -> None:
    assert render.age("2026-03-01T11:00:00.000Z", NOW) == "1h"


def test_a_cost_that_is_not_reported_is_a_dash() -> None:
    assert (render.cost(0.0), render.cost(1.5)) == ("-", "$1.50")


@pytest.mark.parametrize(("usd", "shown"), [(0, "$0.00"), (0.001, "<$0.01"), (1234.5, "$1,234.50")])
def test_money_has_cents(usd: float, shown: str) -> None:
    assert render.money(usd) == shown


DRAW = """
from huskies_cli import render
print(render.table(("mark", "title"), [(render.mark(render.Mark.BLOCKED, "blocked"), "word " * 20)]))
"""
SHORTEN = "from huskies_cli import render; print(render.shortened('x' * 50, 9))"


def on_a_terminal(script: str = DRAW, **environment: str) -> str:
    """Return the output of a script on a terminal of 40 columns."""
    mine, its = pty.openpty()
    program = f"import os, termios; termios.tcsetwinsize(1, (24, 40))\n{script}"
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("NO_COLOR", "COLUMNS", "FORCE_COLOR")
    }
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdout=its, env={**kept, "TERM": "xterm-256color", **environment}
    )
    os.close(its)
    output = b""
    while chunk := _read(mine):
        output += chunk
    os.close(mine)
    assert child.wait(timeout=30) == 0
    return output.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux reports the end of a terminal this way
        return b""


@pytest.mark.usefixtures("processes")
def test_a_terminal_gets_colour_and_lines_that_fit() -> None:
    output = on_a_terminal()
    plain = on_a_terminal(NO_COLOR="1")
    assert ("\x1b[31m" in output, "\x1b" in plain, "\x1b" in on_a_terminal(TERM="dumb")) == (
        True,
        False,
        False,
    )
    assert max(len(line) for line in plain.splitlines()) <= 40
    assert " ".join(plain.split()) == "MARK TITLE ✗ blocked " + " ".join(["word"] * 20)


@pytest.mark.usefixtures("processes")
def test_a_text_is_cut_on_a_terminal_only() -> None:
    piped = subprocess.run([sys.executable, "-c", SHORTEN], capture_output=True, text=True, check=True)
    assert (on_a_terminal(SHORTEN).strip(), piped.stdout.strip()) == ("xxxxxxxx…", "x" * 50)


@pytest.mark.usefixtures("processes")
def test_a_path_is_a_link_on_terminals_that_support_links(tmp_path: Path) -> None:
    path = tmp_path / "with space"
    script = "import sys; from pathlib import Path; from huskies_cli import render\n"
    script += "print(render.line(render.link(Path(sys.argv[1]))))"
    shown = {}
    for name in ("xterm-256color", "linux"):
        with Screen([sys.executable, "-c", script, str(path)], tmp_path, {"TERM": name}) as screen:
            screen.wait_for_end()
            shown[name] = screen.raw.decode()
    assert f";{path.as_uri()}\x1b\\{path}\x1b]8;;" in shown["xterm-256color"]
    assert shown["linux"].strip() == str(path)
    assert render.line(render.link(path)) == str(path)
