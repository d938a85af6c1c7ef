"""`huskies help` and `huskies completion`: the man pages and the completion scripts that come with the program."""

import shutil
import signal
import subprocess
import sys
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Annotated

import huskies_cli
from huskies_cli.app import run
from huskies_cli.command import own_command
from huskies_cli.command_index import COMMANDS
from huskies_cli.output import Result
from huskies_cli.pages import PAGES, children_of
from huskies_cli.session import Session
from huskies_cli.streams import write_text
from huskies_core.argument import Argument
from huskies_core.errors import HuskiesError, UsageError
from huskies_core.humanize import did_you_mean
from huskies_core.operations.operation import PROJECT, Command


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


SCRIPTS = {
    Shell.BASH: ("bash-completion/completions/huskies", "completions/huskies.bash"),
    Shell.ZSH: ("zsh/site-functions/_huskies", "completions/_huskies"),
    Shell.FISH: ("fish/vendor_completions.d/huskies.fish", "completions/huskies.fish"),
}
"""The path of each script below `share` of an installation, and in the source tree."""

Words = Annotated[
    tuple[str, ...],
    Argument(
        "A command, or pipeline, project.toml, agents.toml.",
        metavar="[COMMAND...]", positional=True, completion="pages",
    ),
]  # fmt: skip
ShellArgument = Annotated[
    Shell, Argument("The shell of the script.", metavar="bash|zsh|fish", positional=True)
]


@own_command(Command("help", PROJECT))
def show_manual(session: Session, words: Words = ()) -> Result:
    """Open the manual page of a command.

    The page is part of this installation. Without a command, huskies(1) is opened. If the program man is missing, the
    output of -h is printed instead.
    """
    _refuse_unknown(words)
    # The commands of a group are on the page of the group.
    name, section = (f"huskies-{words[0]}", PAGES.get(words[0], 1)) if words else ("huskies", 1)
    path = shipped(f"man/man{section}/{name}.{section}", f"man/{name}.{section}")
    if session.json:
        return Result({"command": " ".join(words), "page": None if path is None else str(path)})
    if not _is_shown([str(path)] if path else [str(section), name]):
        run([*(words if words[:1] and words[0] not in PAGES else ()), "--help"], Session())
    return Result()


@own_command(Command("completion", PROJECT))
def print_completion(_: Session, shell: ShellArgument) -> Result:
    """Print the completion script of a shell.

    bash: add 'eval "$(huskies completion bash)"' to ~/.bashrc. zsh: write the output of 'huskies completion zsh' to a
    file _huskies in a folder of $fpath. fish: add 'huskies completion fish | source' to config.fish.
    """
    path = shipped(*SCRIPTS[shell])
    if path is None:
        hint = "Install huskies again: its completions are missing."
        raise HuskiesError(f"there is no completion for {shell}", hint=hint, code="not_found", subject=shell)
    script = path.read_text(encoding="utf-8")
    return Result({"shell": shell, "path": str(path), "script": script}, script)


def shipped(installed: str, source: str) -> Path | None:
    """Return the file SOURCE of the source tree, else `share/INSTALLED` of the installation, or None.

    An editable installation has both, but its copies are as old as the installation.
    """
    file = Path(huskies_cli.__file__).parents[2] / source
    if file.is_file():
        return file
    try:
        listed = files("huskies") or ()
    except PackageNotFoundError:
        listed = ()
    paths = (Path(str(item.locate())) for item in listed if str(item).endswith(f"/share/{installed}"))
    return next((path.resolve() for path in paths if path.is_file()), None)


def _refuse_unknown(words: tuple[str, ...]) -> None:
    """Raise UsageError for words without a page; name the most similar command."""
    topics, entries = tuple(PAGES), tuple(COMMANDS)
    for word in words:
        names = [*topics, *(entry.name for entry in entries)]
        if word not in names:
            raise UsageError(f"no command '{word}'", hint=did_you_mean(word, names, "See 'huskies -h'."))
        topics, entries = (), children_of(entries, word)


def _is_shown(page: list[str]) -> bool:
    """Show a page with man. Return False without man or without such a page. Ctrl-C goes to the pager."""
    man = shutil.which("man")
    if man is None:
        return False
    if sys.stdout.isatty():
        signal.signal(signal.SIGINT, lambda *_: None)
        return subprocess.run([man, *page]).returncode == 0
    # man reports no error if it cannot write.
    done = subprocess.run([man, *page], stdout=subprocess.PIPE)
    if done.returncode == 0:
        write_text(sys.stdout, done.stdout.decode(errors="replace"))
    return done.returncode == 0
