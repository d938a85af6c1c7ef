"""The completions offer what the program takes, asked in the shells themselves."""

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
    return asked("bash", "--norc", "-c", IN_BASH, str(FOLDER / "huskies.bash"), *words)


def in_zsh(line: str) -> list[str]:
    return asked("zsh", "-f", str(CAPTURE), str(FOLDER), line)


def in_fish(line: str) -> list[str]:
    """fish offers each with its description, and an option with its value in one word."""
    program = f"source {FOLDER}/huskies.fish; complete -C '{line}'"
    offered = asked("fish", "--no-config", "-c", program)
    return sorted(word.split("\t")[0].rpartition("=")[2] for word in offered)


def asked(program: str, *arguments: str) -> list[str]:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=True, timeout=60)
    return sorted({line.strip() for line in done.stdout.splitlines() if line})


@pytest.fixture(params=[in_bash, in_zsh, in_fish], ids=["bash", "zsh", "fish"])
def shell(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Where no project is; test_typing has what is offered in one."""
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
def test_a_shell_offers_what_can_come_next(shell: Shell, line: str, offered: list[str]) -> None:
    assert shell(line) == offered


@pytest.mark.parametrize("flags", [in_bash, in_fish], ids=["bash", "fish"])
def test_a_dash_offers_the_options_of_the_command_and_those_of_every_command(flags: Shell) -> None:
    offered = flags("huskies tick -")
    assert offered == sorted(["--dry-run", "--wait", *EVERYWHERE])


def test_zsh_offers_no_option_that_another_command_takes() -> None:
    assert in_zsh("huskies tick --") == sorted(["--dry-run", "--wait", *EVERYWHERE[:-1]])


def test_files_are_offered_where_a_file_belongs(
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
