"""The completions of the shells, tested in the shells."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from huskies_cli.command_index import COMMANDS
from huskies_core.pipeline.stages import StageName

pytestmark = pytest.mark.usefixtures("processes")

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "completions"
CAPTURE = ROOT / "tests/support/complete.zsh"
IN_BASH = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _huskies; printf "%s\\n" "${COMPREPLY[@]}"'

Shell = Callable[[str], list[str]]
SHOWN = sorted(entry.name for entry in COMMANDS if not entry.hidden)
EVERYWHERE = ["--help", "--json", "--project", "--quiet", "-h"]


def in_bash(line: str) -> list[str]:
    words = line.replace("=", " = ").split(" ")
    return run_shell("bash", "--norc", "-c", IN_BASH, str(FOLDER / "huskies.bash"), *words)


def in_zsh(line: str) -> list[str]:
    return run_shell("zsh", "-f", str(CAPTURE), str(FOLDER), line)


def in_fish(line: str) -> list[str]:
    """Return the words that fish offers, without descriptions. fish offers an option with its value as one word."""
    program = f"source {FOLDER}/huskies.fish; complete -C '{line}'"
    offered = run_shell("fish", "--no-config", "-c", program)
    return sorted(word.split("\t")[0].rpartition("=")[2] for word in offered)


def run_shell(program: str, *arguments: str) -> list[str]:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=True, timeout=60)
    return sorted({line.strip() for line in done.stdout.splitlines() if line})


@pytest.fixture(params=[in_bash, in_zsh, in_fish], ids=["bash", "zsh", "fish"])
def shell(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Return a shell outside a project; test_typing tests the completions in one."""
    monkeypatch.chdir(tmp_path)
    chosen: Shell = request.param
    return chosen


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("huskies ", SHOWN),
        ("huskies unf", ["unfreeze"]),
        ("huskies --json li", ["list"]),
        ("huskies --project /tmp li", ["list"]),
        ("huskies config ", ["check", "get", "mcp", "set", "show"]),
        ("huskies --quiet agent st", ["start", "stop"]),
        ("huskies list --stage ", sorted(StageName)),
        ("huskies list --stage=c", ["coding"]),
        ("huskies add Title --qa ", ["agent", "human", "server"]),
        ("huskies retry 12 --to ", ["coding", "merge", "qa"]),
        ("huskies rescue restore --to ", []),
        ("huskies show ", []),
        ("huskies nonsense ", []),
        ("huskies service install ", ["cron", "systemd"]),
        ("huskies completion f", ["fish"]),
        ("huskies help pi", ["pipeline"]),
    ],
)
def test_a_shell_offers_the_next_words(shell: Shell, line: str, offered: list[str]) -> None:
    assert shell(line) == offered


@pytest.mark.parametrize("flags", [in_bash, in_fish], ids=["bash", "fish"])
def test_a_dash_offers_the_options_of_the_command_and_the_global_options(flags: Shell) -> None:
    offered = flags("huskies tick -")
    assert offered == sorted(["--dry-run", "--wait", *EVERYWHERE])


def test_zsh_offers_no_options_of_other_commands() -> None:
    assert in_zsh("huskies tick --") == sorted(["--dry-run", "--wait", *EVERYWHERE[:-1]])


def test_files_are_offered_for_arguments_that_are_files(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "story.md").touch()
    (tmp_path / "stories").mkdir()
    monkeypatch.chdir(tmp_path)
    offered = [
        [word.rstrip("/") for word in shell(line)]
        for line in ("huskies import sto", "huskies add T --body sto", "huskies export --dir sto")
    ]
    assert offered == [["stories", "story.md"], ["stories", "story.md"], ["stories"]]
