"""`huskies completion`: what a shell reads to complete command lines."""

from enum import StrEnum
from typing import Annotated

import typer

from huskies_cli.output import Result
from huskies_cli.package_files import shipped
from huskies_core.errors import HuskiesError


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


PLACES = {
    Shell.BASH: ("bash-completion/completions/huskies", "completions/huskies.bash"),
    Shell.ZSH: ("zsh/site-functions/_huskies", "completions/_huskies"),
    Shell.FISH: ("fish/vendor_completions.d/huskies.fish", "completions/huskies.fish"),
}
"""Where an installation has the script, below `share`, and where the source tree does."""

Name = Annotated[
    Shell, typer.Argument(metavar="bash|zsh|fish", help="The shell that reads it.", show_default=False)
]


def print_completion(_: typer.Context, shell: Name) -> Result:
    """Print the completion script of a shell.

    bash: 'eval "$(huskies completion bash)"' in ~/.bashrc. zsh: 'huskies completion zsh' into a file _huskies in a
    folder of $fpath. fish: 'huskies completion fish | source' in its config.
    """
    path = shipped(*PLACES[shell])
    if path is None:
        hint = "Install huskies again: its completions are missing."
        raise HuskiesError(
            f"there is no completion for {shell}", hint=hint, code="not_found", subject=shell.value
        )
    script = path.read_text(encoding="utf-8")
    return Result({"shell": shell, "path": str(path), "script": script}, script)
