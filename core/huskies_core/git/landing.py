"""Puts a commit on the base branch and into the checkouts of that branch; the user's work stays untouched."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass

from huskies_core.errors import HuskiesError, LockBusy
from huskies_core.git.base_checkouts import (
    BaseDirty,
    all_checkouts,
    base_checkouts,
    find_dirty_paths,
    has_index_lock,
    index_copy,
    index_lock,
    rebasing_checkout,
    release_index_lock,
    retake_index_lock,
    take_index_lock,
    unfinished_landing,
)
from huskies_core.git.history import is_on_base
from huskies_core.git.index_entries import (
    Change,
    changes_between,
    clear_flags,
    is_sparse,
    read_flags,
    set_flags,
)
from huskies_core.git.repository import HEADS, Checkout, GitError, Repository
from huskies_core.git.rollback import restore_paths


@dataclass(frozen=True)
class Landed:
    """The base branch is at the commit, and so is every checkout of it."""


@dataclass(frozen=True)
class TipMoved:
    """The base branch was not where it should have been, but at `tip`. Nothing was changed."""

    tip: str | None


Landing = Landed | TipMoved | BaseDirty


@dataclass(frozen=True)
class _Plan:
    """`commit` goes on `tip`; `places` are the checkouts that have the branch."""

    base_branch: str
    tip: str
    commit: str
    mark: str
    changes: tuple[Change, ...]
    places: tuple[Checkout, ...]


def ignore_checkpoint(_: str) -> None:
    """The checkpoint of a landing that nobody interrupts."""


def land(
    repo: Repository,
    *,
    base_branch: str,
    tip: str,
    commit: str,
    mark: str,
    checkpoint: Callable[[str], None] = ignore_checkpoint,
) -> Landing:
    """Moves `base_branch` from `tip` to `commit`. Call it in `git_locked`, with a `mark` for the run.

    Where it dies or raises, `recover_landing` with the same arguments ends it, forward or back. `checkpoint`
    hears of each step once it is taken.
    """
    plan = _plan(repo, base_branch, tip, commit, mark)
    landing: Landing | None = _held(repo, plan)
    if landing is None:
        landing = _land_in_places(repo, plan, checkpoint) if plan.places else _move(repo, plan)
    checkpoint("ended")
    if isinstance(landing, Landed):
        _verify(repo, plan)
    return landing


def find_base_dirt(repo: Repository, *, base_branch: str, tip: str, commit: str) -> BaseDirty | None:
    """What of the user's would hold this landing now, if anything. Takes no lock and changes nothing."""
    plan = _plan(repo, base_branch, tip, commit, "")
    held = _held(repo, plan)
    if held is not None:
        return held if isinstance(held, BaseDirty) else None
    return _locked_by_others(plan) or _dirt(repo, plan)


def _plan(repo: Repository, base_branch: str, tip: str, commit: str, mark: str) -> _Plan:
    changes = changes_between(repo, tip, commit)
    return _Plan(base_branch, tip, commit, mark, changes, base_checkouts(repo, base_branch))


def _held(repo: Repository, plan: _Plan) -> TipMoved | BaseDirty | None:
    now = repo.branch_tip(plan.base_branch)
    if now != plan.tip:
        return TipMoved(now)
    rebased = rebasing_checkout(repo, plan.base_branch)
    return BaseDirty((), f"{plan.base_branch} is being rebased in {rebased}") if rebased else None


def _land_in_places(repo: Repository, plan: _Plan, checkpoint: Callable[[str], None]) -> Landing:
    held = _lock(plan) or _dirt(repo, plan)
    checkpoint("locked")
    if held is not None:
        _release(plan)
        return held
    try:
        for place in plan.places:
            _update(repo, plan, place)
            checkpoint("updated")
        landing = _move(repo, plan)
    except (GitError, OSError):
        _go_back(repo, plan)
        raise
    if isinstance(landing, Landed):
        checkpoint("moved")
        _go_forward(plan, checkpoint)
    else:
        _go_back(repo, plan)
    return landing


def _lock(plan: _Plan) -> BaseDirty | None:
    """Takes the lock of every checkout; a git that is at work in one, or died there, keeps it."""
    for place in plan.places:
        left = unfinished_landing(place)
        if left is not None:
            raise HuskiesError(f"the landing of {left} was not ended in {place.path}", code="unrecovered")
    return next((_locked(place) for place in plan.places if not take_index_lock(place, plan.mark)), None)


def _locked_by_others(plan: _Plan) -> BaseDirty | None:
    return next((_locked(place) for place in plan.places if index_lock(place).exists()), None)


def _locked(place: Checkout) -> BaseDirty:
    return BaseDirty((), f"{index_lock(place)} is there: another git works in that checkout, or died in it")


def _dirt(repo: Repository, plan: _Plan) -> BaseDirty | None:
    found = (
        find_dirty_paths(repo, place, plan.changes, base_branch=plan.base_branch, tip=plan.tip)
        for place in plan.places
    )
    return next((dirt for dirt in found if dirt is not None), None)


def _update(repo: Repository, plan: _Plan, place: Checkout) -> None:
    """Brings the files, and a copy of the index, from the tip to the commit. The flags of the user stay."""
    copy = index_copy(place)
    shutil.copy(place.git_dir / "index", copy)
    env = {"GIT_INDEX_FILE": str(copy)}
    flags = read_flags(repo, place, {change.path for change in plan.changes})
    looked_at = {path: letter for path, letter in flags.items() if not is_sparse(place, path, flags)}
    clear_flags(repo, place, looked_at, env)
    repo.git("update-index", "-q", "--refresh", at=place, env=env, ok=(0, 1))
    repo.git("read-tree", "-m", "-u", plan.tip, plan.commit, at=place, env=env)
    staying = {change.path for change in plan.changes if change.after}
    set_flags(repo, place, {path: letter for path, letter in looked_at.items() if path in staying}, env)


def _move(repo: Repository, plan: _Plan) -> Landed | TipMoved:
    """Moves the branch if it is still at the tip, and has it in the log of a checkout's HEAD."""
    place = plan.places[0] if plan.places else None
    what = ("-m", "huskies: land", HEADS + plan.base_branch, plan.commit, plan.tip)
    ran = repo.run("update-ref", *what, at=place, env=repo.identity)
    if ran.status == 0:
        return Landed()
    now = repo.branch_tip(plan.base_branch)
    if now == plan.tip:
        raise GitError("update-ref", ran.status, ran.stderr)
    return TipMoved(now)


def _go_forward(plan: _Plan, checkpoint: Callable[[str], None]) -> None:
    for place in plan.places:
        index_copy(place).replace(place.git_dir / "index")
        checkpoint("indexed")
    _release(plan)


def _go_back(repo: Repository, plan: _Plan) -> None:
    for place in plan.places:
        restore_paths(repo, place, plan.changes, tip=plan.tip, commit=plan.commit, forward=False)
    _release(plan)


def _release(plan: _Plan) -> None:
    for place in plan.places:
        release_index_lock(place, plan.mark)


def _verify(repo: Repository, plan: _Plan) -> None:
    now = repo.branch_tip(plan.base_branch)
    if now is None or not repo.is_ancestor(plan.commit, now):
        said = f"{plan.base_branch} is at {now}, without {plan.commit} that was just landed"
        raise HuskiesError(said, hint="Look at 'git reflog' of that branch.", code="landing_lost")


@dataclass(frozen=True)
class Recovered:
    """`landed`: the commit is on the base. `users`: the touched paths that others changed; they stayed."""

    landed: bool
    users: tuple[str, ...]


def recover_landing(repo: Repository, *, base_branch: str, tip: str, commit: str, mark: str) -> Recovered:
    """Ends what `land` with the same arguments left. Call it in `git_locked`, when none of the run lives.

    Ending it again changes nothing. Raises LockBusy while another git holds a lock that it needs.
    """
    landed = is_on_base(repo, commit, base_branch)
    users: set[str] = set()
    for place in all_checkouts(repo):
        if unfinished_landing(place) == mark:
            users |= {*_end(repo, place, base_branch=base_branch, sides=(tip, commit), mark=mark)}
    return Recovered(landed, tuple(sorted(users)))


def _end(
    repo: Repository, place: Checkout, *, base_branch: str, sides: tuple[str, str], mark: str
) -> tuple[str, ...]:
    tip, commit = sides
    users: tuple[str, ...] = ()
    if _is_still_there(repo, place, base_branch=base_branch, sides=sides, mark=mark):
        if not has_index_lock(place, mark) and not retake_index_lock(place):
            raise LockBusy(f"{index_lock(place)} is held by another git", hint="End it, or remove the file.")
        changes = changes_between(repo, tip, commit)
        forward = is_on_base(repo, commit, base_branch)
        users = restore_paths(repo, place, changes, tip=tip, commit=commit, forward=forward)
    release_index_lock(place, mark)
    return users


def _is_still_there(
    repo: Repository, place: Checkout, *, base_branch: str, sides: tuple[str, str], mark: str
) -> bool:
    """Whether the checkout is as the landing left it. Under our lock it must be. When a person removed the
    lock, work may have gone on: the branch moved, or another one was checked out."""
    if repo.checked_out_branch(place) != base_branch:
        return False
    return has_index_lock(place, mark) or repo.branch_tip(base_branch) in sides
