"""Land a commit on the base branch and in the checkouts of that branch, and recover a landing that was killed."""

from collections.abc import Callable

from msgspec import Struct

from huskies_core.errors import HuskiesError, LockBusy
from huskies_core.git.base_checkouts import (
    all_checkouts,
    base_checkouts,
    find_dirt,
    has_index_lock,
    index_copy,
    index_lock,
    rebasing_checkout,
    release_index_lock,
    retake_index_lock,
    take_index_lock,
    unfinished_landing,
)
from huskies_core.git.index_entries import PathChange, changes_between, copy_index, is_sparse, read_flags
from huskies_core.git.repository import HEADS, Checkout, GitError, Repository
from huskies_core.git.rollback import restore_paths
from huskies_core.merge_results import BaseDirty, Landed, LostRace

Landing = Landed | LostRace | BaseDirty


class Recovered(Struct, frozen=True):
    """`landed`: the base contains the commit. `users`: paths of the landing that keep the user's changes."""

    landed: bool
    users: tuple[str, ...]


class _Plan(Struct, frozen=True):
    """The landing of `commit` on `tip`; `checkouts` are those of the base branch."""

    base_branch: str
    tip: str
    commit: str
    mark: str
    changes: tuple[PathChange, ...]
    checkouts: tuple[Checkout, ...]

    def dirty(self, reason: str, paths: tuple[str, ...] = ()) -> BaseDirty:
        return BaseDirty(self.tip, self.commit, paths, reason)


def land(
    repo: Repository,
    *,
    base_branch: str,
    tip: str,
    commit: str,
    mark: str,
    checkpoint: Callable[[str], None] = lambda _step: None,
) -> Landing:
    """Move `base_branch` from `tip` to `commit`, with its checkouts. Work of the user stays as it is.

    Call it in `git_locked`, with a `mark` that names the run. If it dies or raises, call `recover_landing` with the
    same arguments, which completes the landing or rolls it back. `checkpoint` is called after each step.
    """
    plan = _make_plan(repo, base_branch, tip, commit, mark)
    landing: Landing | None = _find_base_blocker(repo, plan)
    if landing is None:
        landing = _land_in_checkouts(repo, plan, checkpoint) if plan.checkouts else _move_branch(repo, plan)
    checkpoint("ended")
    if isinstance(landing, Landed):
        _verify(repo, plan)
    return landing


def find_base_dirt(repo: Repository, *, base_branch: str, tip: str, commit: str) -> BaseDirty | None:
    """Return the user's work that blocks this landing now, or None. Take no lock and change nothing."""
    plan = _make_plan(repo, base_branch, tip, commit, "")
    blocker = _find_base_blocker(repo, plan)
    if blocker is not None:
        return blocker if isinstance(blocker, BaseDirty) else None
    locked = next((checkout for checkout in plan.checkouts if index_lock(checkout).exists()), None)
    return _find_dirty_checkout(repo, plan) if locked is None else _index_is_locked(plan, locked)


def _make_plan(repo: Repository, base_branch: str, tip: str, commit: str, mark: str) -> _Plan:
    changes = changes_between(repo, tip, commit)
    return _Plan(base_branch, tip, commit, mark, changes, base_checkouts(repo, base_branch))


def _find_base_blocker(repo: Repository, plan: _Plan) -> LostRace | BaseDirty | None:
    if repo.branch_tip(plan.base_branch) != plan.tip:
        return LostRace()
    path = rebasing_checkout(repo, plan.base_branch)
    return plan.dirty(f"{plan.base_branch} is being rebased in {path}") if path else None


def _land_in_checkouts(repo: Repository, plan: _Plan, checkpoint: Callable[[str], None]) -> Landing:
    blocker = _lock_checkouts(plan) or _find_dirty_checkout(repo, plan)
    checkpoint("locked")
    if blocker is not None:
        _release_checkouts(plan)
        return blocker
    try:
        for checkout in plan.checkouts:
            _update_files(repo, plan, checkout)
            checkpoint("updated")
        landing = _move_branch(repo, plan)
    except (GitError, OSError):
        _roll_back(repo, plan)
        raise
    if not isinstance(landing, Landed):
        _roll_back(repo, plan)
        return landing
    checkpoint("moved")
    for checkout in plan.checkouts:
        index_copy(checkout).replace(checkout.git_dir / "index")
        checkpoint("indexed")
    _release_checkouts(plan)
    return landing


def _lock_checkouts(plan: _Plan) -> BaseDirty | None:
    """Take the lock of each checkout. Return the first that another git process has or left."""
    for checkout in plan.checkouts:
        mark = unfinished_landing(checkout)
        if mark is not None:
            raise HuskiesError(f"the landing of {mark} is unfinished in {checkout.path}", code="unrecovered")
    locked = next((item for item in plan.checkouts if not take_index_lock(item, plan.mark)), None)
    return None if locked is None else _index_is_locked(plan, locked)


def _index_is_locked(plan: _Plan, checkout: Checkout) -> BaseDirty:
    return plan.dirty(f"{index_lock(checkout)} exists: another git process uses that checkout or died there")


def _find_dirty_checkout(repo: Repository, plan: _Plan) -> BaseDirty | None:
    for checkout in plan.checkouts:
        dirt = find_dirt(repo, checkout, plan.changes, base_branch=plan.base_branch, tip=plan.tip)
        if dirt is not None:
            return plan.dirty(*dirt)
    return None


def _update_files(repo: Repository, plan: _Plan, checkout: Checkout) -> None:
    """Update the files, and a copy of the index, from the tip to the commit. Keep the user's index flags."""
    flags = read_flags(repo, checkout, plan.changes)
    present = {path: letter for path, letter in flags.items() if not is_sparse(checkout, path, flags)}
    index = copy_index(repo, checkout, index_copy(checkout))
    index.clear_flags(present)
    index.refresh()
    index.git("read-tree", "-m", "-u", plan.tip, plan.commit)
    remaining = {change.path for change in plan.changes if change.after}
    index.set_flags({path: letter for path, letter in present.items() if path in remaining})


def _move_branch(repo: Repository, plan: _Plan) -> Landed | LostRace:
    """Compare-and-swap the branch from the tip to the commit. Run in a checkout, so its HEAD has a reflog entry."""
    checkout = plan.checkouts[0] if plan.checkouts else None
    update = ("-m", "huskies: land", HEADS + plan.base_branch, plan.commit, plan.tip)
    result = repo.run("update-ref", *update, at=checkout, env=repo.identity)
    if result.status == 0:
        return Landed(plan.commit)
    if repo.branch_tip(plan.base_branch) == plan.tip:
        raise GitError("update-ref", result.status, result.stderr)
    return LostRace()


def _roll_back(repo: Repository, plan: _Plan) -> None:
    for checkout in plan.checkouts:
        restore_paths(repo, checkout, plan.changes, tip=plan.tip, commit=plan.commit, forward=False)
    _release_checkouts(plan)


def _release_checkouts(plan: _Plan) -> None:
    for checkout in plan.checkouts:
        release_index_lock(checkout, plan.mark)


def _verify(repo: Repository, plan: _Plan) -> None:
    tip = repo.branch_tip(plan.base_branch)
    if tip is None or not repo.is_ancestor(plan.commit, tip):
        raise HuskiesError(
            f"{plan.base_branch} is at {tip} and does not contain {plan.commit}, which has just landed",
            hint="Look at 'git reflog' of that branch.",
            code="landing_lost",
        )


def recover_landing(repo: Repository, *, base_branch: str, tip: str, commit: str, mark: str) -> Recovered:
    """End an interrupted `land` with the same arguments: complete it if the base contains the commit, else roll it
    back.

    Call it in `git_locked`, when no process of the run is alive. A second call changes nothing. Raise LockBusy while
    another git process has an index lock that it needs.
    """
    landed = repo.is_on_branch(commit, base_branch)
    user_paths: set[str] = set()
    for checkout in all_checkouts(repo):
        if unfinished_landing(checkout) == mark:
            if _is_unchanged(repo, checkout, base_branch, (tip, commit), mark):
                user_paths |= {*_restore(repo, checkout, base_branch, (tip, commit), mark)}
            release_index_lock(checkout, mark)
    return Recovered(landed, tuple(sorted(user_paths)))


def _is_unchanged(
    repo: Repository, checkout: Checkout, base_branch: str, sides: tuple[str, str], mark: str
) -> bool:
    """Return whether the checkout is as the landing left it. It must be while our lock exists. After a person removed
    the lock, git may have moved the branch or checked out another one."""
    if repo.checked_out_branch(checkout) != base_branch:
        return False
    return has_index_lock(checkout, mark) or repo.branch_tip(base_branch) in sides


def _restore(
    repo: Repository, checkout: Checkout, base_branch: str, sides: tuple[str, str], mark: str
) -> tuple[str, ...]:
    if not has_index_lock(checkout, mark) and not retake_index_lock(checkout):
        raise LockBusy(f"another git process has {index_lock(checkout)}", hint="End it, or remove the file.")
    tip, commit = sides
    forward = repo.is_on_branch(commit, base_branch)
    return restore_paths(
        repo, checkout, changes_between(repo, tip, commit), tip=tip, commit=commit, forward=forward
    )
