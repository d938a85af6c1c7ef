"""The board as a picture: in the README, and by `status --svg`."""

import re
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

from support.commands import Commands
from support.showcase import PICTURE, draw

TEXT = "{http://www.w3.org/2000/svg}text"


def texts(svg: str) -> list[tuple[str, str]]:
    """Return the texts of a picture with their vertical positions."""
    elements = ElementTree.fromstring(svg).iter(TEXT)
    return [(str(element.get("y")), (element.text or "").replace("\xa0", " ")) for element in elements]


def test_the_picture_in_the_readme_is_up_to_date(tmp_path: Path) -> None:
    """Update the picture with `PYTHONPATH=tests python -m support.showcase`."""
    assert texts(draw(tmp_path)) == texts(PICTURE.read_text(encoding="utf-8"))


def test_the_readme_has_the_picture() -> None:
    root = PICTURE.parents[1]
    paths = re.findall(r"!\[[^]]+\]\(([^)]+)\)", (root / "README.md").read_text(encoding="utf-8"))
    assert [root / path for path in paths] == [PICTURE]


def test_status_draws_the_board_into_a_file(huskies: Commands, tmp_path: Path) -> None:
    huskies("add", "A <b>bold</b> & \x1b[31mred", "-c", "it works")
    huskies("add", "A <b>bold</b> & plain", "-c", "it works")
    file = tmp_path / "board.svg"
    assert huskies("status", "--svg", file).outcome == (0, f"wrote {file}\n", "")
    svg = file.read_text(encoding="utf-8")
    assert any("A <b>bold</b> & plain" in unescape(text) for _, text in texts(svg))
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")
    data = huskies("status", "--svg", file, "--json").data
    assert (data["svg"], data["counts"]) == (str(file), {"backlog": 1})


def test_a_picture_that_cannot_be_written_is_an_error(huskies: Commands, tmp_path: Path) -> None:
    failed = huskies("status", "--svg", tmp_path / "missing" / "board.svg")
    assert (failed.exit_code, failed.stdout) == (1, "")
    assert failed.stderr.startswith("huskies: ")
