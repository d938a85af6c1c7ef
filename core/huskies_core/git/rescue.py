"""Rescues: refs under `refs/huskies/rescue/<story>/<time>` that keep work of a removed worktree or branch."""

from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path

from msgspec import Struct

from huskies_core.errors import UsageError
from huskies_core.git.index_entries import write_tree
from huskies_core.git.repository import HEADS, Checkout, Repository
from huskies_core.git.rescue_names import rescue_names
from huskies_core.git.worktrees import branch_of, checkout_of
from huskies_core.ids import StoryId
from huskies_core.project import Project
from huskies_core.sanitize import is_number

REFS = "refs/huskies/rescue/"
TIME_FORMAT = "%Y%m%dT%H%M%S%fZ"


class Rescue(Struct, frozen=True):
    story: StoryId
    time: str
    ref: str
    commit: str


class _Work(Struct, frozen=True):
    """The tips that lead to a story's commits, and the tree of its worktree if no tip has that tree."""

    tips: tuple[str, ...]
    tree: str | None

    @property
    def is_one_tip(self) -> bool:
        return self.tree is None and len(self.tips) == 1


def rescue_work(
    repo: Repository,
    story: StoryId,
    *,
    base_tip: str,
    landed: str | None,
    now: datetime,
    branch_stays: bool = False,
) -> str | None:
    """Keep uncommitted files, and commits that neither `base_tip` nor `landed` contains, under a ref. Return the ref.

    Return None when nothing would be lost, and the newest rescue of the story when that contains the same work. With
    `branch_stays`, the branch itself keeps its commits.
    """
    branch = repo.branch_tip(branch_of(story))
    checkout = checkout_of(repo.project, story)
    work = _find_work(repo, checkout, branch)
    safe = [tip for tip in (base_tip, landed, branch if branch_stays else None) if tip]
    commits = ("rev-list", "--max-count=1", *work.tips, "--not", *safe, "--")
    if work.tree is None and not (work.tips and repo.git(*commits)):
        return None
    return _find_same_rescue(repo, story, work) or _create_rescue(repo, story, work, now)


def _find_work(repo: Repository, checkout: Checkout | None, branch: str | None) -> _Work:
    if checkout is None or not (has_files(checkout.path) or (checkout.git_dir / "index").exists()):
        return _Work((branch,) if branch else (), None)
    head = repo.commit_id("HEAD", at=checkout)
    tips = tuple(dict.fromkeys(tip for tip in (head, branch) if tip))
    tree = write_tree(repo, checkout)
    return _Work(tips, tree if _has_changes(repo, checkout, head or branch, tree) else None)


def has_files(path: Path) -> bool:
    """Return whether a worktree's folder exists and has more than its `.git` file."""
    return path.is_dir() and any(entry.name != ".git" for entry in path.iterdir())


def _has_changes(repo: Repository, checkout: Checkout, head: str | None, tree: str) -> bool:
    """Return whether `tree` has work that `head` lacks. Without an index the checkout was never complete, so missing
    files are no deletions."""
    if head is None:
        return True
    filters = () if (checkout.git_dir / "index").exists() else ("--diff-filter=d",)
    return bool(repo.git("diff-tree", "-r", "--name-only", *filters, head, tree))


def _find_same_rescue(repo: Repository, story: StoryId, work: _Work) -> str | None:
    """Return the story's newest rescue if it contains this work."""
    shape = "%(refname) %(objectname) %(tree) %(parent)"
    newest = repo.git("for-each-ref", "--sort=-refname", "--count=1", f"--format={shape}", f"{REFS}{story}/")
    ref, commit, tree, *parents = newest.split() or ("", "", "")
    if work.is_one_tip:
        return ref if commit == work.tips[0] else None
    same = tuple(parents) == work.tips and tree == (work.tree or tree)
    return ref if ref and same else None


def _create_rescue(repo: Repository, story: StoryId, work: _Work, now: datetime) -> str:
    if work.is_one_tip:
        commit = work.tips[0]
    else:
        tree = work.tree or repo.tree_id(work.tips[0])
        parents = [part for tip in work.tips for part in ("-p", tip)]
        message = f"huskies: rescue of story {story}\n"
        commit = repo.git("commit-tree", tree, *parents, "-F", "-", stdin=message, env=repo.identity)
    name = f"{REFS}{story}/{_format_time(now)}"
    existing = set(repo.git("for-each-ref", "--format=%(refname)", f"{REFS}{story}/").split())
    names = chain([name], (f"{name}-{number}" for number in count(2)))
    ref = next(ref for ref in names if ref not in existing)
    repo.git("update-ref", ref, commit, "")
    return ref


def size_of_rescues(repo: Repository, *, seconds: float) -> int | None:
    """Return the bytes of objects that only rescues keep, or None if counting takes more than `seconds`."""
    others = ("--not", "--branches", "--tags", "--remotes")
    count = ("rev-list", "--disk-usage", "--objects", f"--glob={REFS}*", *others)
    result = repo.run(*count, timeout=seconds)
    return None if result.status else int(result.stdout)


def list_rescues(repo: Repository, story: StoryId | None = None) -> tuple[Rescue, ...]:
    """Return the rescues of one story, or of all, newest first. Skip refs that Huskies did not create."""
    prefix = f"{REFS}{story}/" if story is not None else REFS
    lines = repo.git("for-each-ref", "--format=%(refname) %(objectname)", prefix).splitlines()
    rescues = []
    for ref, commit in (line.split(" ") for line in lines):
        number, _, time = ref.removeprefix(REFS).partition("/")
        if is_number(number):
            rescues.append(Rescue(StoryId(int(number)), time, ref, commit))
    return tuple(sorted(rescues, key=lambda rescue: rescue.time, reverse=True))


def restore_rescue(repo: Repository, story: StoryId, *, time: str | None, to_branch: str) -> Rescue:
    """Create the branch `to_branch` at the story's rescue of `time`, or at its newest one. The rescue stays.

    Raise UsageError when the rescue does not exist, when the branch exists, or when its name is not valid.
    """
    rescues = [rescue for rescue in list_rescues(repo, story) if time in (None, rescue.time)]
    if not rescues:
        raise UsageError(f"story {story} has no rescue{f' of {time}' if time else ''}", subject=str(story))
    if repo.run("check-ref-format", "--branch", to_branch).status:
        raise UsageError(f"{to_branch} is not a valid branch name", subject="branch")
    if repo.branch_tip(to_branch) is not None:
        raise UsageError(
            f"branch {to_branch} exists", hint="Choose another name with --to.", subject="branch"
        )
    repo.git("update-ref", HEADS + to_branch, rescues[0].commit, "")
    return rescues[0]


def has_rescues_before(project: Project, moment: datetime) -> bool:
    """Return whether a rescue is older than `moment`. Do not start git, so that an idle gc pass is fast."""
    limit = _format_time(moment)
    return any(time < limit for story, time in rescue_names(str(project.git_dir)) if is_number(story))


def expire_rescues(repo: Repository, *, older_than: datetime) -> tuple[Rescue, ...]:
    """Delete the refs of rescues made before `older_than` and return them. `git gc` frees the objects later."""
    limit = _format_time(older_than)
    expired = tuple(rescue for rescue in list_rescues(repo) if rescue.time < limit)
    commands = "".join(f"delete {rescue.ref} {rescue.commit}\n" for rescue in expired)
    if expired:
        repo.git("update-ref", "--stdin", stdin=commands)
    return expired


def _format_time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(TIME_FORMAT)
