"""Where a project is and where its parts lie. Found by looking at files alone, so that a tick costs no git process."""

import os
from dataclasses import dataclass
from pathlib import Path

from huskies_core.errors import NoProject

STATE_FOLDER = ".huskies"


@dataclass(frozen=True)
class Project:
    """A repository with a `.huskies` folder in its main checkout. `git_dir` is the common git directory."""

    root: Path
    git_dir: Path

    @property
    def state_dir(self) -> Path:
        return self.root / STATE_FOLDER

    @property
    def database(self) -> Path:
        return self.state_dir / "state.db"

    @property
    def state_lock(self) -> Path:
        return self.state_dir / "state.lock"

    @property
    def git_lock(self) -> Path:
        return self.state_dir / "git.lock"

    def pass_lock(self, name: str) -> Path:
        return self.state_dir / "locks" / f"{name}.lock"

    @property
    def runs_dir(self) -> Path:
        return self.state_dir / "runs"

    def run_dir(self, run: int) -> Path:
        return self.runs_dir / str(run)

    def firing_dir(self, firing: int) -> Path:
        return self.state_dir / "firings" / str(firing)

    def notification_dir(self, notification: int) -> Path:
        return self.state_dir / "notifications" / str(notification)

    @property
    def worktrees_dir(self) -> Path:
        return self.state_dir / "worktrees"

    def worktree(self, story: int) -> Path:
        return self.worktrees_dir / str(story)

    @property
    def merge_workspace(self) -> Path:
        return self.state_dir / "merge_workspace"

    @property
    def audit_log(self) -> Path:
        return self.state_dir / "audit.log"

    @property
    def project_toml(self) -> Path:
        return self.state_dir / "project.toml"

    @property
    def agents_toml(self) -> Path:
        return self.state_dir / "agents.toml"

    @property
    def env_file(self) -> Path:
        return self.state_dir / "env"


def find_project(start: Path) -> Project:
    """The project that `start` lies in; inside a linked worktree, the main checkout's.

    Raises NoProject when there is no repository, a bare one, or one where `huskies init` never ran.
    """
    project = find_repository(start)
    if not project.database.exists():
        raise NoProject(f"no project in {project.root}", hint="Run 'huskies init' there first.")
    return project


def find_damaged_project(start: Path) -> Project:
    """The project that `start` lies in, also where its store is gone. Raises NoProject without a `.huskies` folder."""
    project = find_repository(start)
    if not project.state_dir.is_dir():
        raise NoProject(f"no project in {project.root}", hint="Run 'huskies init' there first.")
    return project


def find_former_project(start: Path) -> Project:
    """The project that `start` lies in, or the one that was there: what was put elsewhere for it may outlive it.

    Nothing is looked for above a folder that is gone: another project may lie there.
    """
    place = Path(os.path.realpath(start))
    try:
        return find_repository(place) if place.is_dir() else _project(place, place / ".git")
    except NoProject:
        return _project(place, place / ".git")


def find_repository(start: Path) -> Project:
    """The main checkout of the repository around `start`, initialised or not. Raises NoProject without one, and where
    its path is no UTF-8."""
    place = Path(os.path.realpath(start))
    for folder in (place, *place.parents):
        git = folder / ".git"
        # As git has it, a folder of that name without a HEAD is none: the sandbox of Codex leaves such behind.
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
    """Raises NoProject for a place whose name neither the store nor JSON can hold."""
    try:
        os.fspath(root).encode()
    except UnicodeEncodeError as error:
        raise NoProject(f"the path {root} is not text in UTF-8", hint="Rename the folder.") from error
    return Project(root, git_dir)


def _main_checkout(folder: Path, pointer: Path) -> Project:
    """Follows the `.git` file of a linked worktree or a separate git directory (gitrepository-layout(5))."""
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
