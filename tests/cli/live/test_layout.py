import pytest

from huskies_cli import render
from huskies_cli.live.layout import Section, beside, line, share_out, stacked

WIDTH = 20


def section(name: str, rows: int, **settings: bool | int) -> Section:
    lines = [line(f"{name}{number}") for number in range(1, rows + 1)]
    return Section([line(name)], lines, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("most", "least", "lines", "heights"),
    [
        ([3, 3], [1, 1], 10, [3, 3]),
        ([9, 9], [2, 2], 10, [5, 5]),
        ([9, 2, 9], [4, 2, 4], 9, [4, 2, 3]),
        ([9, 9], [4, 4], 3, [3, 0]),
        ([0, 4], [2, 2], 3, [0, 3]),
        ([5], [1], 0, [0]),
        ([], [], 5, []),
    ],
)
def test_lines_are_distributed(most: list[int], least: list[int], lines: int, heights: list[int]) -> None:
    assert share_out(most, least, lines) == heights


def test_sections_are_stacked_with_empty_lines_between_them() -> None:
    rows = stacked([section("a", 2), section("b", 0), section("c", 1)], 6)
    assert render.rows(rows, WIDTH) == ["a", "a1", "a2", "", "c", "c1"]


def test_rows_that_do_not_fit_are_counted_or_cut_at_the_beginning() -> None:
    rows = stacked([section("a", 9), section("b", 9, keeps_end=True)], 8)
    assert render.rows(rows, WIDTH) == ["a", "a1", "a2", "and 7 more", "b", "b7", "b8", "b9"]


def test_a_section_without_room_for_a_row_is_left_out() -> None:
    assert render.rows(stacked([section("a", 3), section("b", 3)], 4), WIDTH) == ["a", "a1", "a2", "a3"]


def test_blocks_of_different_heights_are_put_side_by_side() -> None:
    left, right = [line("one"), line("two")], [line("three")]
    assert render.rows(beside(left, right, 8), 16) == ["one       three", "two"]


def test_a_field_is_cut_by_the_width_of_its_characters_on_a_terminal() -> None:
    assert render.rows([line("家家家")], 5) == ["家家…"]
    assert render.rows([line("\x1b[31mred\tline\nmore")], 40) == ["red line more"]
