"""Progress bars, which are drawn only on a terminal."""

import os
from pathlib import Path

import pytest

from huskies_core.sanitize import without_controls
from support.cli import HUSKIES, run_huskies
from support.git_repository import GitRepository
from support.screen import Screen

pytestmark = pytest.mark.usefixtures("processes")


def write_stories(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        text = f"---\nname: Story {number}\n---\n\n## Acceptance Criteria\n\n- [ ] it works\n"
        (folder / f"{number}_story_x.md").write_text(text)
    return folder


def test_an_import_shows_a_bar_and_clears_it(repository: GitRepository, tmp_path: Path) -> None:
    run_huskies("init", cwd=repository.root)
    stories = write_stories(tmp_path / "stories", 300)
    with Screen([str(HUSKIES), "import", str(stories)], repository.root, {}) as screen:
        assert screen.wait_for_end(60) == 0
        shown = screen.wait_for_text("300: backlog from ")
        written = screen.raw.decode()
    assert "writing stories" in written
    assert "of 300" in written
    assert not any("writing stories" in line for line in shown)


def test_no_bar_is_drawn_without_a_terminal_or_with_quiet_or_json(
    repository: GitRepository, tmp_path: Path
) -> None:
    run_huskies("init", cwd=repository.root)
    stories = write_stories(tmp_path / "stories", 3)
    assert run_huskies("import", stories, cwd=repository.root).stderr == ""
    for options, env in ((("--quiet",), {}), (("--json",), {}), ((), {"TERM": "dumb"})):
        with Screen([str(HUSKIES), "reconcile", *options], repository.root, env) as screen:
            assert screen.wait_for_end(60) == 0
            screen.settled(0.2)
            assert b"merge-block " not in screen.raw, os.fsdecode(screen.raw)


def test_reconcile_and_doctor_name_their_current_step(repository: GitRepository) -> None:
    run_huskies("init", cwd=repository.root)
    for command, step in (("reconcile", b"merge-block"), ("doctor", b"worktrees  ")):
        with Screen([str(HUSKIES), command], repository.root, {}) as screen:
            screen.wait_for_end(60)
            screen.settled(0.2)
            assert step in screen.raw


def test_a_bar_fits_a_narrow_terminal(repository: GitRepository, tmp_path: Path) -> None:
    run_huskies("init", cwd=repository.root)
    stories = write_stories(tmp_path / "stories", 300)
    command = 'unset COLUMNS; stty cols 36; exec "$0" import "$1"'
    with Screen(["sh", "-c", command, str(HUSKIES), str(stories)], repository.root, {}) as screen:
        assert screen.wait_for_end(60) == 0
        screen.settled(0.2)
        written = screen.raw.decode()
    bars = [without_controls(part) for part in written.split("\r") if "of 300" in part]
    assert bars
    assert max(map(len, bars)) <= 36


def test_a_bar_leaves_the_cursor_visible(repository: GitRepository, tmp_path: Path) -> None:
    """A command that is killed could not show it again."""
    run_huskies("init", cwd=repository.root)
    stories = write_stories(tmp_path / "stories", 300)
    with Screen([str(HUSKIES), "import", str(stories)], repository.root, {}) as screen:
        assert screen.wait_for_end(60) == 0
        assert b"\x1b[?25l" not in screen.raw
