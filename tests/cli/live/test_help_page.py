"""The help page fits a terminal of 80 by 24; on a smaller one it is wrapped and scrolls."""

import pytest
from rich.cells import cell_len

from huskies_cli import render
from huskies_cli.live.help_page import HelpPage
from huskies_cli.live.keys import Key, Press


def screen(page: HelpPage, width: int, lines: int) -> list[str]:
    return render.rows(page.rows(width, lines), width)


@pytest.mark.parametrize(("width", "lines"), [(80, 24), (200, 50)])
def test_the_whole_page_fits(width: int, lines: int) -> None:
    drawn = screen(HelpPage(), width, lines)
    text = " ".join(" ".join(drawn).split())
    assert (len(drawn) <= lines, "…" in text, drawn[0]) == (True, False, "Keys")
    assert "quit; live agents continue, and 'huskies tick' or 'huskies watch' does the rest" in text
    assert text.endswith("'huskies explain 12' shows why story 12 waits.")


def test_a_page_that_does_not_fit_scrolls() -> None:
    page = HelpPage()
    whole = screen(page, 60, 99)
    drawn = [screen(page, 60, 8)]
    for press in (Key.DOWN, Key.PAGE_DOWN, Key.END, "k", Key.HOME):
        assert page.scroll(press)
        drawn.append(screen(page, 60, 8))
    tops = [0, 1, 7, len(whole) - 7, len(whole) - 8, 0]
    assert [rows[:-1] for rows in drawn] == [whole[top : top + 7] for top in tops]
    assert drawn[0][-1] == f"{len(whole) - 7} more below · ↑↓ PgUp PgDn Home End scroll"


@pytest.mark.parametrize("press", ["q", "?", Key.ESCAPE, Key.ENTER])
def test_other_keys_do_not_scroll(press: Press) -> None:
    assert not HelpPage().scroll(press)


@pytest.mark.parametrize("width", [1, 5, 12, 13, 40, 79])
def test_no_screen_is_too_small_for_the_page(width: int) -> None:
    for lines in range(1, 40):
        drawn = screen(HelpPage(), width, lines)
        assert (len(drawn) <= lines, max(map(cell_len, drawn)) <= width) == (True, True)
