"""Runs git on a checkout that is named, never guessed: without hooks, signing, housekeeping or prompts."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Self

from huskies_core.errors import HuskiesError
from huskies_core.git.host import require_git
from huskies_core.project import Project

if TYPE_CHECKING:
    from git.cmd import Git

# submodule.recurse and useRelativePaths would reach into other repositories and into the shared config.
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.safecrlf=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "commit.gpgSign=false",
    "tag.gpgSign=false",
    "submodule.recurse=false",
    "worktree.useRelativePaths=false",
    "i18n.commitEncoding=utf-8",
    "i18n.logOutputEncoding=utf-8",
)
_OPTIONS = tuple(part for setting in _SETTINGS for part in ("-c", setting))
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_EDITOR": "true",
    "GIT_PAGER": "cat",
    "GIT_OPTIONAL_LOCKS": "0",
}
_NAME, _EMAIL = "huskies", "huskies@localhost"
HEADS = "refs/heads/"


class GitError(HuskiesError):
    """A git command failed where it should not have."""

    def __init__(self, command: str, status: int, stderr: str) -> None:
        said = stderr.strip().splitlines()[-1:] or [f"exit status {status}"]
        super().__init__(f"git {command} failed: {said[0]}", code="git_failed")
        self.status = status
        self.stderr = stderr


@dataclass(frozen=True)
class Checkout:
    """A working tree and its own git directory (the admin directory, when it is a linked one)."""

    path: Path
    git_dir: Path


@dataclass(frozen=True)
class GitResult:
    """How a git command ended. Bytes that are no UTF-8 come as surrogate escapes."""

    status: int
    stdout: str
    stderr: str


class Repository:
    """The project's repository, for use in a `with` block. Its methods may be called from several threads."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.main = Checkout(project.root, project.git_dir)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if "_git" in self.__dict__:
            self._git.clear_cache()

    @cached_property
    def _git(self) -> "Git":
        """Asked first whether there is a git at all: without one, the import alone would raise."""
        require_git()
        from git.cmd import Git

        return Git(str(self.project.root))

    def run(
        self,
        *args: str,
        at: Checkout | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        timeout: float | None = None,
    ) -> GitResult:
        """Runs git on the checkout `at` (else on the main one) and waits; never raises for its exit status. After
        `timeout` seconds it is ended: no status of a git is negative.

        Both directories are given to git: a worktree that lost its `.git` file would else make it find the
        repository around, and GitPython falls back to our own current directory where the one it got is gone.
        """
        place = at or self.main
        where = ["-C", str(place.path)] if place.path.is_dir() else []
        command = ["git", *where, f"--git-dir={place.git_dir}", f"--work-tree={place.path}", *_OPTIONS, *args]
        with _as_file(stdin) as stream:
            status, stdout, stderr = self._git.execute(
                command,
                istream=stream,
                with_extended_output=True,
                with_exceptions=False,
                stdout_as_string=False,
                strip_newline_in_stdout=False,
                env={**_ENVIRONMENT, **(env or {})},
                kill_after_timeout=timeout,
            )
        return GitResult(status, stdout.decode("utf-8", "surrogateescape"), stderr)

    def git(
        self,
        *args: str,
        at: Checkout | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        ok: tuple[int, ...] = (0,),
    ) -> str:
        """What git printed, without its last newline. Raises GitError when the exit status is not in `ok`."""
        ran = self.run(*args, at=at, env=env, stdin=stdin)
        if ran.status not in ok:
            raise GitError(args[0], ran.status, ran.stderr)
        return ran.stdout.removesuffix("\n")

    def commit_id(self, ref: str, *, at: Checkout | None = None) -> str | None:
        """The commit that `ref` leads to, or None when there is none."""
        query = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        return self.git(*query, at=at, ok=(0, 1)) or None

    def branch_tip(self, branch: str) -> str | None:
        return self.commit_id(HEADS + branch)

    def tree_id(self, commit: str) -> str:
        return self.git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{tree}}")

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Whether `descendant` contains `ancestor` (it contains itself). Raises GitError for a bad id."""
        ran = self.run("merge-base", "--is-ancestor", ancestor, descendant)
        if ran.status not in (0, 1):
            raise GitError("merge-base", ran.status, ran.stderr)
        return ran.status == 0

    def checked_out_branch(self, at: Checkout | None = None) -> str | None:
        """The branch of the main checkout (or of `at`), also an unborn one; None when HEAD is detached."""
        ref = self.git("symbolic-ref", "--quiet", "HEAD", at=at, ok=(0, 1))
        return ref.removeprefix(HEADS) or None

    def has_commits(self) -> bool:
        """Whether the main checkout's HEAD leads to a commit."""
        return self.commit_id("HEAD") is not None

    @cached_property
    def identity(self) -> Mapping[str, str]:
        """The environment that names author and committer where git itself knows none; else empty.

        What git would make up from the names of the user and the host is no identity.
        """
        known = ("-c", "user.useConfigOnly=true", "var")
        unknown = [role for role in ("AUTHOR", "COMMITTER") if self.run(*known, f"GIT_{role}_IDENT").status]
        return {
            variable: value
            for role in unknown
            for variable, value in ((f"GIT_{role}_NAME", _NAME), (f"GIT_{role}_EMAIL", _EMAIL))
        }


@contextmanager
def _as_file(text: str | None) -> Iterator[int | None]:
    if text is None:
        yield None
        return
    with TemporaryFile() as stream:
        stream.write(text.encode("utf-8", "surrogateescape"))
        stream.seek(0)
        yield stream.fileno()


def split_nul(text: str) -> list[str]:
    """What a command with `-z` printed, split at its NULs."""
    return text.removesuffix("\0").split("\0") if text else []
