"""A base branch with every kind of file, and a commit that changes each, for the landing tests."""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from huskies_core.git.landing import land
from huskies_core.git.repository import Repository
from huskies_core.project import find_repository
from support.git_repository import GitRepository

MARK = "run 5"
LONG = "".join(f"line {number}\n" for number in range(2000))


@dataclass(frozen=True)
class Scene:
    """`tip` is the base, checked out in the main checkout; `commit` is the one to land."""

    repository: GitRepository
    tip: str
    commit: str


def make_scene(repository: GitRepository, scratch: Path) -> Scene:
    _write_tip(repository)
    tip = repository.commit_all("tip")
    repository.git("worktree", "add", "--quiet", "--detach", str(scratch))
    _write_commit(repository, scratch)
    commit = repository.commit_all("landing", cwd=scratch)
    repository.git("worktree", "remove", "--force", str(scratch))
    return Scene(repository, tip, commit)


def _write_tip(repository: GitRepository) -> None:
    repository.write(".gitattributes", "*.crlf text eol=crlf\n*.rot filter=rot\n")
    repository.git("config", "filter.rot.clean", "tr n-za-m a-z")
    repository.git("config", "filter.rot.smudge", "tr a-z n-za-m")
    for path in ("changed", "deep/er/gone", "folder/file", "script", "secret.rot", "untouched"):
        repository.write(path, f"{path} before\n{LONG}")
    repository.write("lines.crlf", "before\r\nsecond\r\n")
    repository.write("becomes-folder", "a file\n")
    (repository.root / "link").symlink_to("changed")
    repository.write(".gitignore", "ignored\n")


def _write_commit(repository: GitRepository, at: Path) -> None:
    for path in ("changed", "secret.rot", "new/deep/file", "added.rot"):
        repository.write(path, f"{path} after\n{LONG}", cwd=at)
    repository.write("lines.crlf", "after\r\nsecond\r\n", cwd=at)
    (at / "deep/er/gone").unlink()
    (at / "folder/file").unlink()
    (at / "folder").rmdir()
    repository.write("folder", "now a file\n", cwd=at)
    (at / "becomes-folder").unlink()
    repository.write("becomes-folder/inner", "inside\n", cwd=at)
    (at / "script").chmod(0o755)
    (at / "link").unlink()
    (at / "link").symlink_to("untouched")


def files_of(root: Path) -> dict[str, str]:
    """Return each file and link of a checkout with its content and whether it is executable."""
    contents = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in (".git", ".huskies")]
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for path in (Path(folder, name) for name in (*names, *links) if name != ".git"):
            contents[str(path.relative_to(root))] = _content(path)
    return contents


def _content(path: Path) -> str:
    if path.is_symlink():
        return f"-> {path.readlink()}"
    return f"{path.stat().st_mode & 0o111:o} {path.read_bytes().decode()}"


@dataclass(frozen=True)
class State:
    """Everything in one checkout that a landing may change."""

    tip: str
    status: list[str]
    files: dict[str, str]
    leftovers: list[str]


def state_of(repository: GitRepository, checkout: Path | None = None) -> State:
    git_dir = Path(repository.git("rev-parse", "--absolute-git-dir", cwd=checkout))
    leftovers = sorted(
        path.name for path in git_dir.iterdir() if "huskies" in path.name or "lock" in path.name
    )
    return State(
        repository.commit_id("refs/heads/main"),
        repository.status(cwd=checkout),
        files_of(checkout or repository.root),
        leftovers,
    )


def _die_at(step: str, nth: int) -> Callable[[str], None]:
    steps: list[str] = []

    def checkpoint(name: str) -> None:
        steps.append(name)
        if steps.count(step) == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    return checkpoint


def main(root: str, tip: str, commit: str, step: str) -> None:
    """Land, and die after `step`."""
    os.environ["LANDER"] = str(os.getpid())
    with Repository(find_repository(Path(root))) as repo:
        land(repo, base_branch="main", tip=tip, commit=commit, mark=MARK, checkpoint=_die_at(step, 1))


if __name__ == "__main__":
    main(*sys.argv[1:])
