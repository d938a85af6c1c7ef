"""`huskies completion`: the completion scripts of shells."""

from enum import StrEnum
from typing import Annotated

from huskies_cli.command import own_command
from huskies_cli.output import Result
from huskies_cli.package_files import shipped
from huskies_cli.session import Session
from huskies_core.argument import Argument
from huskies_core.errors import HuskiesError
from huskies_core.operations.operation import PROJECT, Command


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


PLACES = {
    Shell.BASH: ("bash-completion/completions/huskies", "completions/huskies.bash"),
    Shell.ZSH: ("zsh/site-functions/_huskies", "completions/_huskies"),
    Shell.FISH: ("fish/vendor_completions.d/huskies.fish", "completions/huskies.fish"),
}
"""The path of each script below `share` of an installation, and in the source tree."""


@own_command(Command("completion", PROJECT))
def print_completion(
    _: Session,
    shell: Annotated[Shell, Argument("The shell of the script.", metavar="bash|zsh|fish", positional=True)],
) -> Result:
    """Print the completion script of a shell.

    bash: 'eval "$(huskies completion bash)"' in ~/.bashrc. zsh: 'huskies completion zsh' into a file _huskies in a
    folder of $fpath. fish: 'huskies completion fish | source' in its config.
    """
    path = shipped(*PLACES[shell])
    if path is None:
        fact, hint = (
            f"there is no completion for {shell}",
            "Install huskies again: its completions are missing.",
        )
        raise HuskiesError(fact, hint=hint, code="not_found", subject=shell.value)
    script = path.read_text(encoding="utf-8")
    return Result({"shell": shell, "path": str(path), "script": script}, script)
