"""TAB in the three shells on a terminal: the candidates that they list, and the text that they insert."""

import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.cli import HUSKIES
from support.commands import Commands
from support.contexts import agent_toml
from support.git_repository import GitRepository
from support.terminal import Terminal

pytestmark = pytest.mark.usefixtures("processes")

FOLDER = Path(__file__).resolve().parents[2] / "completions"
READY, REPORT, FORGET = "it-is-ready", "\x18\x12", "\x15"
"""The prompt of a shell after its setup, and the keys that print its line as `<<line>>` and clear it."""


@dataclass(frozen=True)
class Shell:
    argv: tuple[str, ...]
    setup: str
    prompt: str
    """Sets a prompt. After it, the line editor reads the keys."""
    listing: str
    """The keys that list the candidates."""


BASH = Shell(
    ("bash", "--norc", "--noprofile", "-i"),
    f'. {FOLDER}/huskies.bash; bind "set bell-style none"; bind "set enable-bracketed-paste off";'
    """ bind -x '"\\C-x\\C-r": printf "<<%s>>\\n" "$READLINE_LINE"';""",
    f"PS1='{READY[:4]}''{READY[4:]} '",
    "\t\t",
)
ZSH = Shell(
    ("zsh", "-f", "-i"),
    f"fpath=({FOLDER} $fpath); autoload -Uz compinit; compinit -D -u; setopt no_beep no_list_ambiguous;"
    ' unsetopt zle_bracketed_paste 2>/dev/null; report () { zle -I; print -r -- "<<$BUFFER>>" };'
    " zle -N report; bindkey '^X^R' report;",
    f"PROMPT='{READY[:4]}''{READY[4:]} '",
    "\t",
)
FISH = Shell(
    ("fish", "--no-config", "-i"),
    f'source {FOLDER}/huskies.fish; bind \\cx\\cr \'echo "<<"(commandline)">>"\';',
    f"function fish_prompt; echo '{READY[:4]}''{READY[4:]} '; end",
    "\t",
)
HOSTILE = "%F{red}\x1b]0;x\x07`touch PWNED` $(touch PWNED)\n; touch PWNED 'q\" a:b\t\\ü\u202e"
SHOWN = "%F{red} ]0;x `touch PWNED` $(touch PWNED) ; touch PWNED 'q"
AGENT = agent_toml("coder-1")


@dataclass(frozen=True)
class Prompt:
    """The line editor of `shell`."""

    terminal: Terminal
    shell: Shell

    def after(self, keys: str) -> tuple[str, str]:
        """Return the output without cursor movements, and the line. Then clear the line."""
        self.terminal.type(keys + REPORT)
        shown = self.terminal.read_until("<<")
        line = self.terminal.read_until(">>").removesuffix(">>")
        self.terminal.type(FORGET)
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown), line


@pytest.fixture(params=[BASH, ZSH, FISH], ids=["bash", "zsh", "fish"])
def prompt(request: pytest.FixtureRequest, huskies: Commands, repository: GitRepository) -> Iterator[Prompt]:
    """Open a project with a plain story and one with texts that are harmful if a shell executes them."""
    shell: Shell = request.param
    if shutil.which(shell.argv[0]) is None:
        pytest.skip(f"{shell.argv[0]} is not installed")
    for title in ("Plain", "Hostile"):
        assert huskies("add", title, "-c", "it works").exit_code == 0
    (repository.root / ".huskies/agents.toml").write_text(AGENT)
    labels = json.dumps(["$(touch PWNED)", "`touch PWNED`", "area:core", "-x"])
    with closing(sqlite3.connect(repository.root / ".huskies/state.db")) as db:
        db.execute("UPDATE stories SET title = ?, labels = ? WHERE id = 2", (HOSTILE, labels))
        db.commit()
    repository.git("update-ref", "refs/huskies/rescue/1/20260301T12Z", "HEAD")
    path = f"{HUSKIES.parent}{os.pathsep}{os.environ['PATH']}"
    with Terminal(shell.argv, repository.root, {"PATH": path}) as terminal:
        terminal.type(f"{shell.setup} {shell.prompt}\n")
        terminal.read_until(READY)
        yield Prompt(terminal, shell)
    assert not list(repository.root.rglob("PWNED"))


def test_ids_are_listed_with_their_titles_and_no_title_is_executed(prompt: Prompt) -> None:
    shown, line = prompt.after(f"huskies show {prompt.shell.listing}")
    is_shown = [text in shown for text in ("Plain (backlog)", SHOWN, "\x1b]0;x")]
    assert (is_shown, line.rstrip()) == ([True, True, False], "huskies show")


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ("huskies show 2\t", "huskies show 2"),
        ("huskies sho\t 1\t", "huskies show 1"),
        ("huskies list --label a\t", "huskies list --label area:core"),
        ("huskies list --label=area:\t", "huskies list --label=area:core"),
        ("huskies agent prompt 1 --agent c\t", "huskies agent prompt 1 --agent coder-1"),
        ("huskies unfreeze \t", "huskies unfreeze"),
        ("huskies config get max_c\t", "huskies config get max_coders"),
        ("huskies config set --quiet budget.per_d\t", "huskies config set --quiet budget.per_day_usd"),
        ("huskies config set max_coders max_c\t", "huskies config set max_coders max_c"),
        ("huskies tool call list_st\t", "huskies tool call list_stories"),
        ("huskies timer add --tool=list_st\t", "huskies timer add --tool=list_stories"),
        ("huskies trigger add --to arch\t", "huskies trigger add --to archived"),
        ("huskies trigger add --event imp\t", "huskies trigger add --event imported"),
        ("huskies timer add --tz Europe/Lon\t", "huskies timer add --tz Europe/London"),
        ("huskies help agent sto\t", "huskies help agent stop"),
        ("huskies help reco\t", "huskies help reconcile"),
        ("huskies list --json --stage cod\t", "huskies list --json --stage coding"),
        ("huskies --quiet run show --js\t", "huskies --quiet run show --json"),
        ("huskies retry --to mer\t", "huskies retry --to merge"),
        ("huskies rescue restore \t", "huskies rescue restore 1"),
        ("huskies rescue restore 1 --time \t", "huskies rescue restore 1 --time 20260301T12Z"),
        ("huskies list --label '$(\t", "huskies list --label '$("),
    ],
)
def test_the_only_candidate_is_inserted(prompt: Prompt, keys: str, line: str) -> None:
    _, typed = prompt.after(keys.replace("sho\t ", "sho\t"))
    assert re.sub(" +", " ", typed).rstrip() == line
