"""A project and the paths of its parts. The search reads files only, so a tick starts no git process."""

import os
from pathlib import Path

from msgspec import Struct

from huskies_core.errors import NoProject

STATE_FOLDER = ".huskies"


class _StatePath:
    """A path in the state folder, as an attribute of Project."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, project: "Project", _owner: type) -> Path:
        return project.root / STATE_FOLDER / self.name


class Project(Struct, frozen=True):
    """A repository with a `.huskies` folder in its main checkout. `git_dir` is the common git directory."""

    root: Path
    git_dir: Path

    state_dir = _StatePath("")
    database = _StatePath("state.db")
    state_lock = _StatePath("state.lock")
    git_lock = _StatePath("git.lock")
    runs_dir = _StatePath("runs")
    worktrees_dir = _StatePath("worktrees")
    merge_workspace = _StatePath("merge_workspace")
    audit_log = _StatePath("audit.log")
    project_toml = _StatePath("project.toml")
    agents_toml = _StatePath("agents.toml")
    env_file = _StatePath("env")

    def pass_lock(self, name: str) -> Path:
        return self.state_dir / "locks" / f"{name}.lock"

    def run_dir(self, run: int) -> Path:
        return self.runs_dir / str(run)

    def execution_dir(self, execution: int) -> Path:
        return self.state_dir / "firings" / str(execution)

    def notification_dir(self, notification: int) -> Path:
        return self.state_dir / "notifications" / str(notification)

    def worktree(self, story: int) -> Path:
        return self.worktrees_dir / str(story)


def find_project(start: Path) -> Project:
    """Return the project that contains `start`; inside a linked worktree, the main checkout's.

    Raise NoProject without a repository, for a bare one, or for one where `huskies init` never ran.
    """
    project = find_repository(start)
    if not project.database.exists():
        raise _not_initialized(project)
    return project


def find_damaged_project(start: Path) -> Project:
    """Return the project that contains `start`, with or without its store. Raise NoProject without `.huskies`."""
    project = find_repository(start)
    if not project.state_dir.is_dir():
        raise _not_initialized(project)
    return project


def _not_initialized(project: Project) -> NoProject:
    return NoProject(f"no project in {project.root}", hint="Run 'huskies init' there first.")


def find_former_project(start: Path) -> Project:
    """Return the project that contains `start`, or that was at `start`: its services may outlive it.

    The search does not go above a missing folder, because another project may be there.
    """
    root = Path(os.path.realpath(start))
    try:
        return find_repository(root) if root.is_dir() else _project(root, root / ".git")
    except NoProject:
        return _project(root, root / ".git")


def find_repository(start: Path) -> Project:
    """Return the main checkout of the repository around `start`, initialized or not.

    Raise NoProject without a repository, or if its path is not UTF-8.
    """
    path = Path(os.path.realpath(start))
    for folder in (path, *path.parents):
        git = folder / ".git"
        # For git, a `.git` folder without HEAD is no repository. The sandbox of Codex leaves such folders.
        if (git / "HEAD").exists():
            return _project(folder, git)
        if git.is_file():
            return _main_checkout(folder, git)
        if (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir():
            raise NoProject(
                f"{folder} is a bare repository", hint="Huskies needs a checkout: use a clone of it."
            )
    raise NoProject(
        f"{start} is not in a git repository", hint="Run 'git init' there, or give --project PATH."
    )


def _project(root: Path, git_dir: Path) -> Project:
    """Raise NoProject for a path that neither the store nor JSON can contain."""
    try:
        os.fspath(root).encode()
    except UnicodeEncodeError as error:
        raise NoProject(f"the path {root} is not text in UTF-8", hint="Rename the folder.") from error
    return Project(root, git_dir)


def _main_checkout(folder: Path, pointer: Path) -> Project:
    """Follow the `.git` file of a linked worktree or a separate git directory (gitrepository-layout(5))."""
    git_dir = (folder / pointer.read_text(errors="surrogateescape").removeprefix("gitdir:").strip()).resolve()
    common = git_dir / "commondir"
    if not common.is_file():
        return _project(folder, git_dir)
    shared = (git_dir / common.read_text(errors="surrogateescape").strip()).resolve()
    if shared.name != ".git":
        raise NoProject(
            f"{shared} is a bare repository", hint="Huskies needs a main checkout: use a clone of it."
        )
    return _project(shared.parent, shared)
