"""`huskies help` and `huskies completion`: the files of the installation."""

import os
import shutil
from pathlib import Path

import pytest

from huskies_cli.commands.help import shipped
from huskies_cli.pages import PAGES
from support.cli import HUSKIES, run_huskies
from support.commands import Commands

ROOT = Path(__file__).resolve().parents[2]
WITHOUT_MAN = {"PATH": str(HUSKIES.parent)}


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize(
    ("words", "name"),
    [
        ((), "HUSKIES(1)"),
        (("update",), "HUSKIES-ADD(1)"),
        (("timer", "add"), "HUSKIES-TIMER(1)"),
        (("pipeline",), "HUSKIES-PIPELINE(7)"),
        (("agents.toml",), "HUSKIES-AGENTS.TOML(5)"),
    ],
)
def test_man_shows_the_page_of_the_command(tmp_path: Path, words: tuple[str, ...], name: str) -> None:
    if shutil.which("man") is None:
        pytest.skip("man is not installed")
    done = run_huskies("help", *words, cwd=tmp_path)
    assert (done.exit_code, done.stdout.split()[:1]) == (0, [name])


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("words", [(), ("add",), ("timer", "add")])
def test_without_man_the_help_of_the_command_is_printed(tmp_path: Path, words: tuple[str, ...]) -> None:
    result = run_huskies("help", *words, cwd=tmp_path, env=WITHOUT_MAN)
    assert result.outcome == run_huskies(*words, "-h", cwd=tmp_path, env=WITHOUT_MAN).outcome


@pytest.mark.usefixtures("processes")
def test_help_is_printed_if_man_lacks_the_page(tmp_path: Path) -> None:
    man = tmp_path / "man"
    man.write_text("#!/bin/sh\nexit 16\n")
    man.chmod(0o755)
    result = run_huskies(
        "help", "tick", cwd=tmp_path, env={"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    )
    assert (result.exit_code, result.stdout) == (0, run_huskies("tick", "-h", cwd=tmp_path).stdout)


@pytest.mark.parametrize("name", ["COLUMNS", "LINES", "TERMINAL_WIDTH"])
@pytest.mark.parametrize("size", ["", "abc", "0", "-1", "\u00b2", "5000000", "9" * 5000])
def test_a_size_that_no_terminal_has_is_ignored(
    outside: Commands, monkeypatch: pytest.MonkeyPatch, name: str, size: str
) -> None:
    usual = outside("-h").stdout
    monkeypatch.setenv(name, size)
    assert outside("-h").stdout == usual


def test_help_has_the_width_that_a_variable_names(outside: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert max(map(len, outside("add", "-h").stdout.splitlines())) == 60


@pytest.mark.usefixtures("processes")
def test_typer_starts_with_a_width_that_is_no_number(tmp_path: Path) -> None:
    odd = run_huskies("-h", cwd=tmp_path, env={"TERMINAL_WIDTH": "abc"})
    assert odd.outcome == run_huskies("-h", cwd=tmp_path).outcome


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("name", ["FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS"])
def test_help_has_no_colours_in_a_pipe(tmp_path: Path, name: str) -> None:
    odd = run_huskies("add", "-h", cwd=tmp_path, env={name: "1"})
    assert (odd.exit_code, "\x1b" in odd.stdout) == (0, False)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("strat",), "Did you mean start?"),
        (("agent.toml",), "Did you mean agents.toml?"),
        (("timer", "ad"), "Did you mean add?"),
        (("add", "zzz"), "See 'huskies -h'."),
    ],
)
def test_the_error_names_the_most_similar_command(
    outside: Commands, words: tuple[str, ...], hint: str
) -> None:
    done = outside("help", *words)
    assert (done.exit_code, done.stdout, done.stderr.splitlines()) == (
        2,
        "",
        [f"huskies: no command '{words[-1]}'", f"  {hint}"],
    )


def test_json_has_the_path_of_the_page(outside: Commands) -> None:
    data = outside("help", "start", "--json").data
    page = Path(data["page"])
    assert (data["command"], page.name) == ("start", "huskies-start.1")
    assert page.read_bytes() == (ROOT / "man/huskies-start.1").read_bytes()
    assert [
        name for name, section in PAGES.items() if not (ROOT / f"man/huskies-{name}.{section}").exists()
    ] == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_is_printed_unchanged(outside: Commands, shell: str) -> None:
    names = {"bash": "huskies.bash", "zsh": "_huskies", "fish": "huskies.fish"}
    assert outside("completion", shell).stdout == (ROOT / "completions" / names[shell]).read_text()


def test_a_missing_page_or_completion_is_an_error() -> None:
    assert shipped("man/man1/nothing.1", "man/nothing.1") is None
