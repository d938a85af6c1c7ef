"""The live board as a person has it: a real program on a real terminal, its screen read as an emulator draws it."""

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


def hanging(pipeline: Pipeline) -> int:
    """A story whose coder prints and waits to be ended."""
    return pipeline.add(("say=hello from the agent", f"wait={pipeline.scripts / 'go'}", *WORK))


def has_trouble(lines: list[str]) -> bool:
    return any(line.startswith("Trouble") for line in lines)


WORK = ("write=story-$HUSKIES_STORY_ID.txt:done", "commit=work")


def test_stories_run_to_their_end_under_the_eyes_of_a_person(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(team=TWO)
    first = hanging(pipeline)
    with board(pipeline) as screen:
        shown = screen.wait_for_text("hello from the agent")
        assert any(line.startswith(f"● {first}     coder-1") for line in shown)
        assert "● 1 running" in shown[0]
        second = pipeline.huskies("add", "Another one", "-c", "it works", "--start", "--json").data["id"]
        pipeline.script(second, WORK)
        (pipeline.scripts / "go").touch()
        shown = screen.wait_for(lambda lines: "Done 2" in lines[2])
        assert "✓ 2 over" in shown[0]
        assert any("merge → done merge_succeeded" in line for line in shown)
        assert max(map(len, shown)) <= 80
        screen.type("q")
        assert screen.wait_for_end() == 0
    pipeline.wait_until_idle()


def test_keys_look_into_a_log_and_back_and_pause(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(team=TWO)
    hanging(pipeline)
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


def test_it_takes_the_size_that_the_terminal_gets(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    pipeline.add(start=False)
    with board(pipeline) as screen:
        for lines, columns in ((50, 200), (10, 40), (24, 80)):
            screen.resize(lines, columns)
            shown = screen.wait_for(lambda now: "q quit" in now[-1] and now[0].startswith("huskies "))
            assert len(shown) == lines
            assert shown[-1].endswith("…") == (columns < 79), "the last column is drawn, too"


def test_ctrl_c_leaves_the_terminal_as_it_was_and_the_agent_at_work(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    story = hanging(pipeline)
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
def test_a_signal_ends_it_and_not_the_agent(make_pipeline: MakePipeline, number: signal.Signals) -> None:
    pipeline = make_pipeline()
    story = hanging(pipeline)
    with board(pipeline) as screen:
        screen.wait_for_text("hello from the agent")
        screen.send(number)
        assert screen.wait_for_end() == 0
        assert (screen.is_back, bool(screen.mode()[3] & termios.ICANON)) == (True, True)
    assert pipeline.wait_until_live(story).agent == "coder-1"
    pipeline.huskies("agent", "stop", str(story))


def test_stopped_by_ctrl_z_it_gives_the_terminal_back_and_goes_on(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    with board(pipeline) as screen:
        screen.type("\x1a")
        wait_until(lambda: screen.status() == psutil.STATUS_STOPPED, 30)
        assert screen.mode()[3] & termios.ICANON
        screen.send(signal.SIGCONT)
        wait_until(lambda: not screen.mode()[3] & termios.ICANON, 30)
        screen.type("q")
        assert screen.wait_for_end() == 0


def test_stopped_by_another_it_takes_the_terminal_again(make_pipeline: MakePipeline) -> None:
    """A shell sets the terminal for itself meanwhile."""
    pipeline = make_pipeline()
    with board(pipeline) as screen:
        screen.send(signal.SIGSTOP)
        wait_until(lambda: screen.status() == psutil.STATUS_STOPPED, 30)
        screen.cook()
        screen.send(signal.SIGCONT)
        wait_until(lambda: not screen.mode()[3] & termios.ICANON, 30)
        screen.type("?")
        screen.wait_for(lambda lines: lines[0] == "Keys")


def test_a_terminal_that_goes_away_ends_it_without_a_report(
    make_pipeline: MakePipeline, tmp_path: Path
) -> None:
    """Under `trap '' HUP` nothing tells of it but the terminal itself."""
    pipeline = make_pipeline()
    deaf = f"trap '' HUP; exec \"$0\" watch 2>{tmp_path}/said"
    with Screen(["sh", "-c", deaf, str(HUSKIES)], pipeline.root, {}) as screen:
        screen.wait_for_text("q quit")
        screen.hang_up()
        assert Terminal.wait_for_end(screen) == 130
    assert (tmp_path / "said").read_text() == "huskies: interrupted\n"


def test_keys_that_come_in_pieces_or_mean_nothing_do_no_harm(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(team=TWO)
    hanging(pipeline)
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


def test_a_store_that_others_hold_does_not_hold_the_screen(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    with board(pipeline) as screen:
        screen.wait_for_text("startup reconcile complete")
        with pipeline.project.state_lock.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            screen.type("p")
            screen.wait_for_text("press p again", timeout=8)
        screen.type("p")
        screen.wait_for_text("q quit · p resume")


def test_a_terminal_that_does_not_know_its_size_has_a_small_one(make_pipeline: MakePipeline) -> None:
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


def test_a_config_that_breaks_is_seen_on_the_board_and_mended_there(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    text = pipeline.project.project_toml.read_text()
    with board(pipeline) as screen:
        screen.wait_for_text("startup reconcile complete")
        pipeline.project.project_toml.write_text("nonsense = 1\n")
        pipeline.huskies("add", "A story", "-c", "it works")
        screen.wait_for(lambda lines: has_trouble(lines) and any("nonsense" in line for line in lines))
        pipeline.project.project_toml.write_text(text)
        pipeline.huskies("add", "Another", "-c", "it works")
        screen.wait_for(lambda lines: not has_trouble(lines))


def test_a_store_that_is_lost_is_said_on_the_board(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    with board(pipeline) as screen:
        for path in pipeline.project.state_dir.glob("state.db*"):
            path.unlink()
        screen.wait_for_text("state.db")
        screen.type("q")
        assert screen.wait_for_end() in (0, 1)


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"TERM": ""}])
def test_on_a_dumb_terminal_there_are_plain_lines(make_pipeline: MakePipeline, env: dict[str, str]) -> None:
    pipeline = make_pipeline()
    with Screen([str(HUSKIES), "watch", "--interval", "0.2"], pipeline.root, env) as screen:
        shown = screen.wait_for_text("startup reconcile complete")
        assert not any("q quit" in line for line in shown)


def test_in_the_background_of_a_shell_there_are_plain_lines(make_pipeline: MakePipeline) -> None:
    """timeout(1) makes a process group of its own, as a shell does for what it starts with `&`."""
    pipeline = make_pipeline()
    behind = 'timeout 8 "$0" watch --interval 0.2; echo over'
    with Screen(["sh", "-c", behind, str(HUSKIES)], pipeline.root, {}) as screen:
        shown = screen.wait_for_text("over")
    assert any("startup reconcile complete" in line for line in shown)
    assert not any("q quit" in line for line in shown)


def test_without_the_board_there_are_plain_lines(make_pipeline: MakePipeline, tmp_path: Path) -> None:
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
