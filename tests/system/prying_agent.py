"""An agent that tries what its sandbox forbids: `prying_agent.py REPORT`.

The paths are in the environment: `SECRET_FILES`, `FOREIGN_PLACES` and `HIDDEN_PLACES`, each a list like PATH."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path


def places(name: str) -> list[Path]:
    return [Path(directory) for directory in os.environ[name].split(os.pathsep)]


def succeeded(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError:
        return False
    return True


def changes(directory: Path) -> bool:
    """Return whether the agent can write to a file, or make one in a directory."""
    target = directory / "pried" if directory.is_dir() else directory
    return succeeded(lambda: os.close(os.open(target, os.O_WRONLY | os.O_CREAT)))


def readable_environments() -> str:
    return "".join(
        (entry / "environ").read_text(errors="replace")
        for entry in Path("/proc").iterdir()
        if entry.name.isdecimal() and os.access(entry / "environ", os.R_OK)
    )


def works(*argv: str) -> bool:
    return subprocess.run(argv, capture_output=True).returncode == 0


def main() -> None:
    root = os.environ["HUSKIES_PROJECT"]
    report = {
        "read": [str(p) for p in places("SECRET_FILES") if succeeded(p.read_bytes)],
        "changed": [str(p) for p in places("FOREIGN_PLACES") if changes(p)],
        "seen": [str(p) for p in places("HIDDEN_PLACES") if p.exists()],
        "parent_secret": "outer-secret" in readable_environments(),
        "own_file": ".git replaced" if succeeded(lambda: os.unlink(".git")) else "",
        "base_moved": works("git", "update-ref", "refs/heads/main", "HEAD~0", "0" * 40)
        or works("git", "-C", root, "commit", "--allow-empty", "-m", "mine"),
        "config_changed": works("git", "config", "core.hooksPath", "/tmp"),
    }
    Path(sys.argv[1]).write_text(json.dumps(report))
    Path("work.txt").write_text("done")
    story = os.environ["HUSKIES_STORY_ID"]
    for argv in (
        ("git", "add", "--all"),
        ("git", "commit", "--quiet", "--message", "work"),
        ("huskies", "update", story, "--check", "1"),
    ):
        subprocess.run(argv, check=True)


if __name__ == "__main__":
    main()
