"""The state of the user's checkout as a value."""

import os
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from huskies_core.store import queue_holds
from support.git_repository import GitRepository
from system.project import Pipeline

CHANGED, DELETED, ADDED = "changed.txt", "gone.txt", "added.txt"
TOUCHED = (CHANGED, DELETED, ADDED)
TOUCH = (
    f"write={CHANGED}:after\n",
    f"run=rm {DELETED}",
    f"write={ADDED}:new\n",
    f"run=git add --force {ADDED}",
)
"""The steps of a coder that changes, deletes and adds files, one of them ignored."""
WORK = (*TOUCH, "commit=work")
BEFORE = {CHANGED: "before\n", DELETED: "before\n"}
AFTER = {CHANGED: "after\n", ADDED: "new\n"}
_OURS = ("refs/heads/main ", "refs/heads/feature/", "refs/huskies/")


@dataclass(frozen=True)
class CheckoutState:
    """A checkout with the shared state: HEAD, the configuration of the repository, and the refs of the user."""

    head: str
    config: str
    refs: tuple[str, ...]
    files: dict[str, str]
    index: dict[str, str]

    def without(self, paths: Collection[str]) -> "CheckoutState":
        """Return the state without these paths."""
        return replace(self, files=_without(self.files, paths), index=_without(self.index, paths))


def _without(contents: dict[str, str], paths: Collection[str]) -> dict[str, str]:
    return {path: content for path, content in contents.items() if path not in paths}


def write_base(repository: GitRepository) -> None:
    """Commit the files that stories touch, and one other."""
    for path, text in {**BEFORE, "untouched.txt": "before\n", ".gitignore": "*.ignored\n"}.items():
        repository.write(path, text)


def checkout_state(repository: GitRepository, at: Path | None = None) -> CheckoutState:
    """Return the state of the checkout `at`, by default the main one: files and the index."""
    git_dir = Path(repository.git("rev-parse", "--absolute-git-dir", cwd=at))
    refs = repository.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return CheckoutState(
        (git_dir / "HEAD").read_text(),
        repository.git("config", "--local", "--list"),
        tuple(ref for ref in refs if not ref.startswith(_OURS)),
        _files(at or repository.root),
        _index(repository, at),
    )


def _files(root: Path) -> dict[str, str]:
    files: dict[str, str] = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in (".git", ".huskies")]
        paths = (Path(folder, name) for name in names)
        files |= {str(path.relative_to(root)): _describe_file(path) for path in paths if path.is_file()}
    return files


def _describe_file(path: Path) -> str:
    status = path.stat()
    return f"{status.st_mode:o} {status.st_mtime_ns} {path.read_bytes()!r}"


def _index(repository: GitRepository, at: Path | None) -> dict[str, str]:
    listed = repository.git("ls-files", "--stage", "-v", "-z", cwd=at).rstrip("\0").split("\0")
    entries = (entry.partition("\t") for entry in listed)
    return {path: content for content, _, path in entries}


def touched_files(root: Path) -> dict[str, str]:
    """Return the touched files of a checkout with their content."""
    paths = [path for path in TOUCHED if (root / path).exists()]
    return {path: (root / path).read_bytes().decode() for path in paths}


def touched_on(repository: GitRepository, ref: str) -> dict[str, str]:
    """Return the touched files of a commit with their content."""
    present = [path for path in repository.files(ref) if path in TOUCHED]
    return {path: repository.read(path, ref) for path in sorted(present)}


def unlike_main(repository: GitRepository, at: Path | None = None) -> list[str]:
    """Return the touched paths that differ from main in a checkout."""
    return repository.git("status", "--porcelain", "--", *TOUCHED, cwd=at).splitlines()


def assert_only_touched(repository: GitRepository, before: CheckoutState) -> None:
    """Check that only touched files of the main checkout changed, and that they equal main."""
    after = checkout_state(repository)
    assert (after.without(TOUCHED), unlike_main(repository)) == (before.without(TOUCHED), [])


def begin(pipeline: Pipeline, *steps: str) -> int:
    """Add a story and start its run."""
    story = pipeline.add(steps or WORK)
    assert pipeline.huskies("auto-assign").exit_code == 0
    return story


def land(pipeline: Pipeline, *steps: str) -> int:
    """Add a story and wait until it is merged."""
    story = begin(pipeline, *steps)
    pipeline.wait_for(story)
    pipeline.wait_until_idle()
    return story


def wait_until_blocked(pipeline: Pipeline) -> None:
    def is_blocked() -> bool:
        with pipeline.opened() as context, context.store.reading() as db:
            return bool(queue_holds.everything(db))

    pipeline.wait_until(is_blocked, what="a hold")
    pipeline.wait_until_idle()


def base_dirty_report(pipeline: Pipeline, story: int) -> tuple[list[str], str]:
    """Return the paths and the reason in `status`, and check that `explain` reports the same."""
    (hold,) = pipeline.huskies("status", "--json").data["limits"]["holds"]
    (blocker,) = pipeline.huskies("explain", str(story), "--json").data["holds"]
    assert (hold["rule"], hold["story"], blocker["rule"]) == ("base_dirty", story, "base_dirty")
    paths, reason = hold["detail"]["paths"], hold["detail"]["reason"]
    output = pipeline.huskies("explain", str(story)).stdout
    assert [item for item in paths or [reason] if item not in blocker["detail"] or item not in output] == []
    assert paths or (blocker["detail"], blocker["command"]) == (reason, "")
    return paths, reason


def go_on(pipeline: Pipeline, story: int) -> None:
    """Run reconcile, which ends the queue hold, and wait until ticks complete the story."""
    done = pipeline.huskies("reconcile", "--json").data["actions"]
    assert [item["action"] for item in done] == ["release_hold"], done
    with pipeline.ticking():
        pipeline.wait_for(story)
        pipeline.wait_until_idle()
