"""The live board of a real process on a real terminal, read through a terminal emulator."""

import fcntl
import os
import signal
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from support.cli import HUSKIES, start_huskies
from support.screen import Screen
from support.terminal import Terminal
from support.waiting import wait_until
from system.project import MakePipeline, Pipeline, Team

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

TWO = Team(coder=2)


@contextmanager
def board(pipeline: Pipeline, lines: int = 24, columns: int = 80) -> Iterator[Screen]:
    with Screen([str(HUSKIES), "watch", "--interval", "0.2"], pipeline.root, {}) as screen:
        screen.resize(lines, columns)
        screen.wait_for_text("q quit")
        screen.wait_for(lambda shown: len(shown) == lines and "q quit" in shown[-1])
        yield screen


def add_waiting(pipeline: Pipeline) -> int:
    """Add a story whose coder prints a line and waits for a file."""
    return pipeline.add(("say=hello from the agent", f"wait={pipeline.scripts / 'go'}", *WORK))


def shows_error(lines: list[str]) -> bool:
    return any(line.startswith("Error") for line in lines)


WORK = ("write=story-$HUSKIES_STORY_ID.txt:done", "commit=work")


def test_the_board_follows_stories_until_they_are_done(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(team=TWO)
    first = add_waiting(pipeline)
    with board(pipeline) as screen:
        shown = screen.wait_for_text("hello from the agent")
        assert any(line.startswith(f"● {first}     coder-1") for line in shown)
        assert "● 1 running" in shown[0]
        second = pipeline.huskies("add", "Another one", "-c", "it works", "--start", "--json").data["id"]
        pipeline.script(second, WORK)
        (pipeline.scripts / "go").touch()
        shown = screen.wait_for(lambda lines: "Done 2" in lines[2])
        assert "✓ 2 finished" in shown[0]
        assert any("merge → done merge_succeeded" in line for line in shown)
        assert max(map(len, shown)) <= 80
        screen.type("q")
        assert screen.wait_for_end() == 0
    pipeline.wait_until_idle()


def test_keys_show_a_log_and_the_help_and_pause(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(team=TWO)
    add_waiting(pipeline)
    with board(pipeline) as screen:
        screen.wait_for_text("hello from the agent")
        screen.type("1\r")
        shown = screen.wait_for_text("q back")
        assert shown[0].startswith("1 A story (coding) · coder run 1 by coder-1 · live ")
        assert shown[2] == "hello from the agent"
        screen.type("q")
        screen.wait_for_text("q quit")
        screen.type("?")
        screen.wait_for(lambda lines: lines[0] == "Keys")
        screen.type("\x1b")
        screen.wait_for_text("q quit · p pause")
        screen.type("p")
        assert screen.wait_for_text("q quit · p resume")[0].endswith("paused")
        assert pipeline.huskies("status", "--json").data["limits"]["paused"]["by"].startswith("user:")
        screen.type("p")
        screen.wait_for_text("q quit · p pause")
        screen.type("9\r")
        screen.wait_for_text("there is no story 9")
        screen.type("\x1b[B\r")
        screen.wait_for_text("q back")
    pipeline.huskies("agent", "stop", "1")


def test_the_board_follows_the_size_of_the_terminal(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    pipeline.add(start=False)
    with board(pipeline) as screen:
        for lines, columns in ((50, 200), (10, 40), (24, 80)):
            screen.resize(lines, columns)
            shown = screen.wait_for(lambda now: "q quit" in now[-1] and now[0].startswith("huskies "))
            assert len(shown) == lines
            assert shown[-1].endswith("…") == (columns < 79), "the last column is drawn, too"


def test_ctrl_c_restores_the_terminal_and_leaves_the_agent_running(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    story = add_waiting(pipeline)
    with board(pipeline) as screen:
        screen.wait_for_text("hello from the agent")
        assert not screen.mode()[3] & (termios.ICANON | termios.ECHO)
        screen.type("\x03")
        assert screen.wait_for_end() == 130
        screen.wait_for_text("interrupted")
        assert screen.is_back
        assert screen.mode()[3] & termios.ICANON
        assert screen.mode()[3] & termios.ECHO
        assert not screen.is_cursor_hidden
    assert pipeline.wait_until_live(story).agent == "coder-1"
    (pipeline.scripts / "go").touch()
    pipeline.wait_for(story)
    pipeline.wait_until_idle()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_board_and_not_the_agent(
    make_pipeline: MakePipeline, number: signal.Signals
) -> None:
    pipeline = make_pipeline()
    story = add_waiting(pipeline)
    with board(pipeline) as screen:
        screen.wait_for_text("hello from the agent")
        screen.send(number)
        assert screen.wait_for_end() == 0
        assert (screen.is_back, bool(screen.mode()[3] & termios.ICANON)) == (True, True)
    assert pipeline.wait_until_live(story).agent == "coder-1"
    pipeline.huskies("agent", "stop", str(story))


def test_ctrl_z_restores_the_terminal_until_the_board_continues(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    with board(pipeline) as screen:
        screen.type("\x1a")
        wait_until(lambda: screen.status() == psutil.STATUS_STOPPED, 30)
        assert screen.mode()[3] & termios.ICANON
        screen.send(signal.SIGCONT)
        wait_until(lambda: not screen.mode()[3] & termios.ICANON, 30)
        screen.type("q")
        assert screen.wait_for_end() == 0


def test_after_a_stop_signal_the_board_acquires_the_terminal_again(make_pipeline: MakePipeline) -> None:
    """A shell sets its own terminal modes while the board is stopped."""
    pipeline = make_pipeline()
    with board(pipeline) as screen:
        screen.send(signal.SIGSTOP)
        wait_until(lambda: screen.status() == psutil.STATUS_STOPPED, 30)
        screen.cook()
        screen.send(signal.SIGCONT)
        wait_until(lambda: not screen.mode()[3] & termios.ICANON, 30)
        screen.type("?")
        screen.wait_for(lambda lines: lines[0] == "Keys")


def test_the_end_of_the_terminal_ends_the_board_without_a_crash_report(
    make_pipeline: MakePipeline, tmp_path: Path
) -> None:
    """With SIGHUP ignored, only errors of the terminal show that it no longer exists."""
    pipeline = make_pipeline()
    command = f"trap '' HUP; exec \"$0\" watch 2>{tmp_path}/stderr"
    with Screen(["sh", "-c", command, str(HUSKIES)], pipeline.root, {}) as screen:
        screen.wait_for_text("q quit")
        screen.hang_up()
        assert Terminal.wait_for_end(screen) == 130
    assert (tmp_path / "stderr").read_text() == "huskies: interrupted\n"


def test_incomplete_and_unknown_keys_are_ignored(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(team=TWO)
    add_waiting(pipeline)
    with board(pipeline) as screen:
        screen.wait_for_text("hello from the agent")
        screen.type("²1²\r")
        screen.wait_for_text("q back")
        screen.type("\x1b")
        screen.type("[A?")
        screen.wait_for(lambda lines: lines[0] == "Keys")
        screen.type("q")
        screen.wait_for_text("q back")
        screen.type("q")
        screen.wait_for_text("q quit · p pause")
        screen.type("ppp")
        screen.wait_for_text("q quit · p resume")
    pipeline.huskies("agent", "stop", "1")


def test_a_locked_store_does_not_block_the_screen(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    with board(pipeline) as screen:
        screen.wait_for_text("startup reconcile complete")
        with pipeline.project.state_lock.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            screen.type("p")
            screen.wait_for_text("press p again", timeout=8)
        screen.type("p")
        screen.wait_for_text("q quit · p resume")


def test_a_terminal_of_unknown_size_counts_as_80_by_24(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    with board(pipeline) as screen:
        screen.type("?")
        screen.wait_for(lambda lines: lines[0] == "Keys")
        screen.forget_size()
        screen.type("q")
        assert screen.wait_for_text("q quit")[23].startswith("q quit")


def test_nothing_is_written_while_nothing_changes(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(gates={})
    pipeline.add(start=False)
    with board(pipeline) as screen:
        screen.wait_for_text("startup reconcile complete")
        written = screen.settled()
        pipeline.huskies("add", "Another", "-c", "it works")
        screen.wait_for_text("Backlog 2")
        assert len(screen.raw) > written
        again = screen.settled()
        assert screen.settled() == again


def test_the_board_shows_a_config_error_until_it_is_fixed(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    text = pipeline.project.project_toml.read_text()
    with board(pipeline) as screen:
        screen.wait_for_text("startup reconcile complete")
        pipeline.project.project_toml.write_text("nonsense = 1\n")
        pipeline.huskies("add", "A story", "-c", "it works")
        screen.wait_for(lambda lines: shows_error(lines) and any("nonsense" in line for line in lines))
        pipeline.project.project_toml.write_text(text)
        pipeline.huskies("add", "Another", "-c", "it works")
        screen.wait_for(lambda lines: not shows_error(lines))


def test_the_board_shows_that_the_store_is_missing(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    with board(pipeline) as screen:
        for path in pipeline.project.state_dir.glob("state.db*"):
            path.unlink()
        screen.wait_for_text("state.db")
        screen.type("q")
        assert screen.wait_for_end() in (0, 1)


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"TERM": ""}])
def test_a_dumb_terminal_gets_plain_lines(make_pipeline: MakePipeline, env: dict[str, str]) -> None:
    pipeline = make_pipeline()
    with Screen([str(HUSKIES), "watch", "--interval", "0.2"], pipeline.root, env) as screen:
        shown = screen.wait_for_text("startup reconcile complete")
        assert not any("q quit" in line for line in shown)


def test_a_background_process_prints_plain_lines(make_pipeline: MakePipeline) -> None:
    """timeout(1) makes its own process group, as a shell does for a command with `&`."""
    pipeline = make_pipeline()
    command = 'timeout 8 "$0" watch --interval 0.2; echo finished'
    with Screen(["sh", "-c", command, str(HUSKIES)], pipeline.root, {}) as screen:
        shown = screen.wait_for_text("finished")
    assert any("startup reconcile complete" in line for line in shown)
    assert not any("q quit" in line for line in shown)


def test_no_ui_prints_plain_lines(make_pipeline: MakePipeline, tmp_path: Path) -> None:
    pipeline = make_pipeline()
    with Screen([str(HUSKIES), "watch", "--no-ui"], pipeline.root, {}) as screen:
        screen.wait_for_text("startup reconcile complete")
        assert screen.mode()[3] & termios.ICANON
    log = tmp_path / "log"
    process = start_huskies("watch", "--interval", "0.2", cwd=pipeline.root, log=log)
    try:
        wait_until(lambda: "startup reconcile complete" in log.read_text(), 30)
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait(30)
    assert "\x1b" not in log.read_text()
