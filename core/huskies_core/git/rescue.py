"""Keeps under `refs/huskies/rescue/<story>/<time>` what would go with a worktree or a branch."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from huskies_core.errors import UsageError
from huskies_core.git.repository import HEADS, Checkout, Repository
from huskies_core.git.worktree_tree import write_tree
from huskies_core.git.worktrees import branch_of, checkout_of
from huskies_core.project import Project
from huskies_core.sanitize import is_number

REFS = "refs/huskies/rescue/"
TIME_FORMAT = "%Y%m%dT%H%M%S%fZ"


@dataclass(frozen=True)
class Rescue:
    story: int
    time: str
    ref: str
    commit: str


@dataclass(frozen=True)
class _Work:
    """The tips that lead to a story's commits, and the tree of its worktree when no tip has it."""

    tips: tuple[str, ...]
    tree: str | None


def rescue_work(
    repo: Repository,
    story: int,
    *,
    base_tip: str,
    landed: str | None,
    now: datetime,
    branch_stays: bool = False,
) -> str | None:
    """Keeps uncommitted files, and commits that neither `base_tip` nor `landed` has; returns the ref.

    None when there is nothing to lose. Work that the story's newest rescue holds already is not kept twice.
    With `branch_stays` the commits of the branch are safe where they are.
    """
    branch = repo.branch_tip(branch_of(story))
    checkout = checkout_of(repo.project, story)
    work = _work_in(repo, checkout, branch)
    safe = [tip for tip in (base_tip, landed, branch if branch_stays else None) if tip]
    if work.tree is None and not _unsafe(repo, work.tips, safe):
        return None
    return _kept_already(repo, story, work) or _keep(repo, story, work, now)


def _work_in(repo: Repository, checkout: Checkout | None, branch: str | None) -> _Work:
    if checkout is None or not (_has_files(checkout.path) or (checkout.git_dir / "index").exists()):
        return _Work((branch,) if branch else (), None)
    head = repo.commit_id("HEAD", at=checkout)
    tips = tuple(dict.fromkeys(tip for tip in (head, branch) if tip))
    tree = write_tree(repo, checkout)
    return _Work(tips, tree if _has_more(repo, checkout, head or branch, tree) else None)


def _has_files(path: Path) -> bool:
    return path.is_dir() and any(entry.name != ".git" for entry in path.iterdir())


def _has_more(repo: Repository, checkout: Checkout, head: str | None, tree: str) -> bool:
    """Whether `tree` holds what `head` does not. Without an index the checkout never ended: what it lacks is
    no work."""
    if head is None:
        return True
    kinds = () if (checkout.git_dir / "index").exists() else ("--diff-filter=d",)
    return bool(repo.git("diff-tree", "-r", "--name-only", *kinds, head, tree))


def _unsafe(repo: Repository, tips: tuple[str, ...], safe: list[str]) -> bool:
    if not tips:
        return False
    return repo.git("rev-list", "--max-count=1", *tips, "--not", *safe, "--") != ""


def _kept_already(repo: Repository, story: int, work: _Work) -> str | None:
    shape = "%(refname) %(objectname) %(tree) %(parent)"
    newest = repo.git("for-each-ref", "--sort=-refname", "--count=1", f"--format={shape}", f"{REFS}{story}/")
    ref, commit, tree, *parents = newest.split() or ("", "", "")
    if work.tree is None and len(work.tips) == 1:
        return ref if commit == work.tips[0] else None
    same = tuple(parents) == work.tips and tree == (work.tree or tree)
    return ref if ref and same else None


def _keep(repo: Repository, story: int, work: _Work, now: datetime) -> str:
    commit = work.tips[0] if work.tree is None and len(work.tips) == 1 else _commit_all(repo, story, work)
    wanted = f"{REFS}{story}/{now.astimezone(UTC).strftime(TIME_FORMAT)}"
    taken = set(repo.git("for-each-ref", "--format=%(refname)", f"{REFS}{story}/").split())
    ref = next(name for name in _numbered(wanted, len(taken) + 1) if name not in taken)
    repo.git("update-ref", ref, commit, "")
    return ref


def _numbered(wanted: str, count: int) -> list[str]:
    return [wanted, *(f"{wanted}-{number}" for number in range(2, count + 1))]


def _commit_all(repo: Repository, story: int, work: _Work) -> str:
    tree = work.tree or repo.tree_id(work.tips[0])
    parents = [part for tip in work.tips for part in ("-p", tip)]
    message = f"huskies: rescue of story {story}\n"
    return repo.git("commit-tree", tree, *parents, "-F", "-", stdin=message, env=repo.identity)


def size_of_rescues(repo: Repository, *, seconds: float) -> int | None:
    """The bytes that rescues alone keep in the repository; None where counting takes longer than that."""
    others = ("--not", "--branches", "--tags", "--remotes")
    counting = ("rev-list", "--disk-usage", "--objects", f"--glob={REFS}*", *others)
    ran = repo.run(*counting, timeout=seconds)
    return None if ran.status else int(ran.stdout)


def list_rescues(repo: Repository, story: int | None = None) -> tuple[Rescue, ...]:
    """The rescues of one story, or of all, newest first."""
    below = f"{REFS}{story}/" if story is not None else REFS
    lines = repo.git("for-each-ref", "--format=%(refname) %(objectname)", below).splitlines()
    rescues = (_rescue(*line.split(" ")) for line in lines)
    return tuple(sorted(filter(None, rescues), key=lambda rescue: rescue.time, reverse=True))


def _rescue(ref: str, commit: str) -> Rescue | None:
    """None for one that somebody else made."""
    story, _, time = ref.removeprefix(REFS).partition("/")
    return Rescue(int(story), time, ref, commit) if is_number(story) else None


def restore_rescue(repo: Repository, story: int, *, time: str | None, to_branch: str) -> Rescue:
    """Makes the branch `to_branch` at the story's rescue of `time`, or at its newest one. The rescue stays.

    Raises UsageError when there is no such rescue, or when the branch exists or cannot be named so.
    """
    found = [rescue for rescue in list_rescues(repo, story) if time in (None, rescue.time)]
    if not found:
        raise UsageError(f"story {story} has no rescue{f' of {time}' if time else ''}", subject=str(story))
    if repo.run("check-ref-format", "--branch", to_branch).status:
        raise UsageError(f"{to_branch} is no name for a branch", subject="branch")
    if repo.branch_tip(to_branch) is not None:
        raise UsageError(f"branch {to_branch} exists", hint="Name another one.", subject="branch")
    repo.git("update-ref", HEADS + to_branch, found[0].commit, "")
    return found[0]


def expire_rescues(repo: Repository, *, older_than: datetime) -> tuple[Rescue, ...]:
    """Removes the rescues made before `older_than` and returns them; git's clean-up frees the objects."""
    limit = older_than.astimezone(UTC).strftime(TIME_FORMAT)
    expired = tuple(rescue for rescue in list_rescues(repo) if rescue.time < limit)
    commands = "".join(f"delete {rescue.ref} {rescue.commit}\n" for rescue in expired)
    if expired:
        repo.git("update-ref", "--stdin", stdin=commands)
    return expired


def has_rescues_before(project: Project, moment: datetime) -> bool:
    """Whether a rescue ref, loose or packed, is older than `moment`. (A reftable repository always says no.)"""
    limit = moment.astimezone(UTC).strftime(TIME_FORMAT)
    found = (*_loose(project), *_packed(project))
    return any(time < limit for story, time in found if is_number(story))


def _loose(project: Project) -> Iterator[tuple[str, str]]:
    found = project.git_dir.joinpath(*REFS.split("/")).glob("*/*")
    return ((path.parent.name, path.name) for path in found)


def _packed(project: Project) -> Iterator[tuple[str, str]]:
    packed = project.git_dir / "packed-refs"
    lines = packed.read_text(errors="replace").splitlines() if packed.exists() else []
    names = (line.partition(f" {REFS}")[2].partition("/") for line in lines)
    return ((story, time) for story, _, time in names if time)
