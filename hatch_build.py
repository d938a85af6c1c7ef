"""Install man pages and completions where man and the shells look for them."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPLETIONS = {
    "huskies.bash": "share/bash-completion/completions/huskies",
    "_huskies": "share/zsh/site-functions/_huskies",
    "huskies.fish": "share/fish/vendor_completions.d/huskies.fish",
}


class SharedData(BuildHookInterface[Any]):
    """The build hook that adds man pages and completions to the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        build_data["shared_data"].update(shared_data(Path(self.root)))


def shared_data(root: Path) -> dict[str, str]:
    """Return the path under the installation's prefix by the path in the source tree. Missing files are omitted."""
    pages = {str(page): f"share/man/man{page.suffix[1:]}/{page.name}" for page in root.glob("man/*.[1-8]")}
    completions = {str(root / "completions" / name): target for name, target in COMPLETIONS.items()}
    return pages | {source: target for source, target in completions.items() if Path(source).is_file()}
