"""Run git on an explicit checkout, without hooks, signing, automatic gc or prompts."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Self

from msgspec import Struct

from huskies_core.errors import HuskiesError
from huskies_core.git.host import require_git
from huskies_core.project import Project

if TYPE_CHECKING:
    from git.cmd import Git

# submodule.recurse would write to other repositories, useRelativePaths to the shared config.
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
    """A git command failed unexpectedly. The message has the last line of its stderr."""

    def __init__(self, command: str, status: int, stderr: str) -> None:
        reason = stderr.strip().splitlines()[-1:] or [f"exit status {status}"]
        super().__init__(f"git {command} failed: {reason[0]}", code="git_failed")
        self.status = status
        self.stderr = stderr


class Checkout(Struct, frozen=True):
    """A working tree and its own git directory (of a linked worktree: the admin directory)."""

    path: Path
    git_dir: Path


class GitResult(Struct, frozen=True):
    """Exit status and output of a git command. Bytes that are not UTF-8 become surrogate escapes."""

    status: int
    stdout: str
    stderr: str


class Repository:
    """The project's repository, for use in a `with` block. Several threads may call its methods."""

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
        """Check for git first: the import of GitPython raises without it."""
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
        """Run git on the checkout `at` (default: the main one) and return its result, whatever its exit status is.

        After `timeout` seconds git is killed and the status is negative. Git gets both directories: with only the
        working tree, a worktree without its `.git` file would make it use the repository around it, and GitPython uses
        our own current directory when the working tree is missing.
        """
        checkout = at or self.main
        directory = ["-C", str(checkout.path)] if checkout.path.is_dir() else []
        trees = [f"--git-dir={checkout.git_dir}", f"--work-tree={checkout.path}"]
        command = ["git", *directory, *trees, *_OPTIONS, *args]
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
        """Return the output of git without its last newline. Raise GitError if the exit status is not in `ok`."""
        result = self.run(*args, at=at, env=env, stdin=stdin)
        if result.status not in ok:
            raise GitError(args[0], result.status, result.stderr)
        return result.stdout.removesuffix("\n")

    def commit_id(self, ref: str, *, at: Checkout | None = None) -> str | None:
        """Return the id of the commit that `ref` leads to, or None."""
        query = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        return self.git(*query, at=at, ok=(0, 1)) or None

    def branch_tip(self, branch: str) -> str | None:
        return self.commit_id(HEADS + branch)

    def tree_id(self, commit: str) -> str:
        return self.git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{tree}}")

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Return whether `descendant` contains `ancestor` (it contains itself). Raise GitError for an invalid id."""
        result = self.run("merge-base", "--is-ancestor", ancestor, descendant)
        if result.status not in (0, 1):
            raise GitError("merge-base", result.status, result.stderr)
        return result.status == 0

    def checked_out_branch(self, at: Checkout | None = None) -> str | None:
        """Return the branch of the main checkout (or of `at`), also an unborn one; None if HEAD is detached."""
        ref = self.git("symbolic-ref", "--quiet", "HEAD", at=at, ok=(0, 1))
        return ref.removeprefix(HEADS) or None

    def is_on_branch(self, commit: str, branch: str) -> bool:
        """Return whether the branch contains the commit, and False when either does not exist."""
        known, tip = self.commit_id(commit), self.branch_tip(branch)
        return known is not None and tip is not None and self.is_ancestor(known, tip)

    def resolve_commit(self, name: str) -> str | None:
        """Return the full id of a commit: `name` is an id or its beginning, a branch, a tag, or HEAD of the main
        checkout.

        Return None when git knows no such commit, or more than one.
        """
        result = self.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        commit = result.stdout.strip()
        return commit if result.status == 0 and re.fullmatch("[0-9a-f]{40,64}", commit) else None

    def text_at(self, commit: str, path: str) -> str | None:
        """Return the text of the file `path` (from the repository's root) at `commit`, or None without such a file.

        Raise GitError when `commit` does not exist: a missing base is not a missing file.
        """
        entry = self.git(
            "ls-tree", "-z", "--full-tree", commit, "--", path, env={"GIT_LITERAL_PATHSPECS": "1"}
        )
        head, _, listed_path = entry.removesuffix("\0").partition("\t")
        if listed_path != path or not head.startswith("100"):
            return None
        result = self.run("cat-file", "blob", head.split(" ")[2])
        if result.status:
            raise GitError("cat-file", result.status, result.stderr)
        return result.stdout

    def has_commits(self) -> bool:
        """Return whether the main checkout's HEAD leads to a commit."""
        return self.commit_id("HEAD") is not None

    @cached_property
    def identity(self) -> Mapping[str, str]:
        """Return variables with the author and the committer, if git has no configuration for them.

        An identity that git derives from the names of user and host does not count.
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
    """Return the fields of `-z` output."""
    return text.removesuffix("\0").split("\0") if text else []
