"""Puts man pages and completions where the shells and man look for them: a new page needs no line here."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPLETIONS = {
    "huskies.bash": "share/bash-completion/completions/huskies",
    "_huskies": "share/zsh/site-functions/_huskies",
    "huskies.fish": "share/fish/vendor_completions.d/huskies.fish",
}


class SharedData(BuildHookInterface[Any]):
    """Adds the shared data of the wheel; a folder that is empty or not there adds nothing."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        build_data["shared_data"].update(shared_data(Path(self.root)))


def shared_data(root: Path) -> dict[str, str]:
    """Path in the source tree to path under the installation's prefix."""
    pages = {str(page): f"share/man/man{page.suffix[1:]}/{page.name}" for page in root.glob("man/*.[1-8]")}
    completions = {str(root / "completions" / name): target for name, target in COMPLETIONS.items()}
    return pages | {source: target for source, target in completions.items() if Path(source).is_file()}
