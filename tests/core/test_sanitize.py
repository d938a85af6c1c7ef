import pytest
from hypothesis import given
from hypothesis import strategies as st

from huskies_core.humanize import did_you_mean
from huskies_core.sanitize import has_controls, is_number, one_line, tail, without_controls
from huskies_core.templates import fill, placeholders


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("a\r\nb", "a\nb"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;https://example.org\x1b\\link", "link"),
        ("\x1bcreset", "reset"),
        ("a\x00b\x7fc\x9bd", "abcd"),
        ("left\u202eright\u2066", "leftright"),
        ("emoji 🐕 ../ -x", "emoji 🐕 ../ -x"),
    ],
)
def test_no_control_of_a_terminal_is_left(text: str, clean: str) -> None:
    assert without_controls(text) == clean


@given(st.text())
def test_a_second_cleaning_changes_nothing(text: str) -> None:
    once = without_controls(text)
    assert (without_controls(once), "\x1b" in once) == (once, False)


def test_one_line_folds_white_space() -> None:
    assert one_line("  a\n\tb \x1b[1m c\n") == "a b c"


@given(st.text())
def test_a_folded_line_has_no_controls(text: str) -> None:
    assert not has_controls(one_line(text))


@pytest.mark.parametrize("mark", ["\n", "\t", "\r", "\x00", "\x1b", "\x85", "\u2028", "\u2029", "\u202e"])
def test_a_control_character_is_detected(mark: str) -> None:
    assert has_controls(f"a{mark}b")


def test_letters_of_all_scripts_are_no_controls() -> None:
    assert not has_controls("Größe 🐕 日本語 a-b_c/../d 'q' \"q\" %s")


@pytest.mark.parametrize(
    ("text", "limit", "end"),
    [
        ("short", 5, "short"),
        ("one\ntwo\nthree\n", 10, "three\n"),
        ("one\ntwo", 5, "two"),
        ("a very long line", 4, "line"),
        ("a very long line\n", 5, "line\n"),
    ],
)
def test_the_tail_consists_of_whole_lines_if_possible(text: str, limit: int, end: str) -> None:
    assert tail(text, limit) == end


@given(st.text(), st.integers(1, 50))
def test_a_tail_ends_the_text_and_fits(text: str, limit: int) -> None:
    end = tail(text, limit)
    assert (text.endswith(end), len(end) <= limit, bool(end) == bool(text)) == (True, True, True)


def test_a_similar_word_is_suggested_and_a_different_one_is_not() -> None:
    known = ("max_coders", "max_gates")
    hints = [
        did_you_mean("max_coder", known),
        did_you_mean("timezone", known),
        did_you_mean("x", (), "See -h."),
    ]
    assert hints == ["Did you mean max_coders?", "", "See -h."]


def test_a_name_with_a_dash_is_a_name_too() -> None:
    assert placeholders("{{story-id}} {{ story_id }} {{}} {{a b}}") == ("story-id", "story_id")
    assert fill("{{story-id}} {{story_id}}", {"story_id": "7"}) == "{{story-id}} 7"


@pytest.mark.parametrize("name", ["9" * 19, "9" * 5000, "\u00b2", "\u0661", "007", "0", "-1", "1\n", "", "x"])
def test_a_number_is_one_that_the_store_can_contain(name: str) -> None:
    assert (is_number(name), is_number("12"), is_number("9" * 18)) == (False, True, True)
