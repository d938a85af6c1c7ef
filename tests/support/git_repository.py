"""A real git repository."""

import os
import subprocess
from pathlib import Path
from shutil import copytree
from typing import ClassVar

FIRST_COMMIT = 1_750_000_000


class GitRepository:
    """A repository on branch main with one commit, unless `commits` is false. Commits are a minute apart."""

    prepared: ClassVar[Path | None] = None
    """Such a repository to copy, once the session has made it."""

    def __init__(self, root: Path, *, commits: bool = True) -> None:
        self.root = root
        self._commits = 0
        root.mkdir(parents=True, exist_ok=True)
        if commits and self.prepared is not None and not any(root.iterdir()):
            self._copy(self.prepared)
            return
        self.git("init", "--quiet")
        if commits:
            self.commit_file("README", "first\n", message="first")

    def _copy(self, prepared: Path) -> None:
        """Leave what `init` and the first commit leave, in one process instead of four."""
        copytree(prepared, self.root, symlinks=True, dirs_exist_ok=True)
        self._commits = 1
        self.git("update-index", "-q", "--refresh")

    def git(self, *args: str, cwd: Path | None = None, check: bool = True) -> str:
        """Return the output of the git command without its last newline."""
        return self.run(*args, cwd=cwd, check=check).stdout.rstrip("\n")

    def run(
        self, *args: str, cwd: Path | None = None, check: bool = False
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["git", *args],
            cwd=cwd or self.root,
            env=os.environ | self._dates(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if check and done.returncode:
            raise AssertionError(f"git {' '.join(args)} exited {done.returncode}: {done.stderr}")
        return done

    def write(self, path: str, text: str, *, cwd: Path | None = None) -> Path:
        file = (cwd or self.root) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def edit_at_once(self, path: str, text: str, index: Path, *, cwd: Path | None = None) -> None:
        """Edit a file as in the second in which `index` recorded it, an hour ago: its size and times stay."""
        self.git("config", "core.trustctime", "false")
        file = (cwd or self.root) / path
        size, then = file.stat().st_size, int(file.stat().st_mtime) - 3600
        os.utime(file, (then, then))
        self.git("update-index", "--refresh", cwd=cwd)
        self.write(path, text, cwd=cwd)
        assert file.stat().st_size == size
        for touched in (file, index):
            os.utime(touched, (then, then))

    def commit_all(self, message: str = "change", *, cwd: Path | None = None) -> str:
        """Commit all changes, or an empty commit. Return its id."""
        self._commits += 1
        self.git("add", "--all", cwd=cwd)
        self.git("commit", "--quiet", "--allow-empty", "--message", message, cwd=cwd)
        return self.commit_id("HEAD", cwd=cwd)

    def commit_file(self, path: str, text: str, *, message: str = "", cwd: Path | None = None) -> str:
        self.write(path, text, cwd=cwd)
        return self.commit_all(message or f"write {path}", cwd=cwd)

    def branch(self, name: str, start: str = "HEAD") -> None:
        self.git("branch", name, start)

    def checkout(self, what: str, *, new: bool = False) -> None:
        self.git("checkout", "--quiet", *(["-b"] if new else []), what)

    def commit_id(self, ref: str = "HEAD", *, cwd: Path | None = None) -> str:
        return self.git("rev-parse", "--verify", f"{ref}^{{commit}}", cwd=cwd)

    def subjects(self, ref: str = "HEAD") -> list[str]:
        """Return the first lines of the commit messages of a branch, newest first."""
        return self.git("log", "--format=%s", ref).splitlines()

    def files(self, ref: str = "HEAD") -> list[str]:
        return self.git("ls-tree", "-r", "--name-only", ref).splitlines()

    def read(self, path: str, ref: str = "HEAD") -> str:
        """Return the content of a committed file, with its last newline."""
        return self.run("show", f"{ref}:{path}", check=True).stdout

    def status(self, *, cwd: Path | None = None) -> list[str]:
        return self.git("status", "--porcelain", cwd=cwd).splitlines()

    def refs(self) -> list[str]:
        return self.git("for-each-ref", "--format=%(refname)").splitlines()

    def _dates(self) -> dict[str, str]:
        date = f"{FIRST_COMMIT + 60 * self._commits} +0000"
        return {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
