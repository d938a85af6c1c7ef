"""Ends a landing whose process died: forward when its commit is on the base, else back."""

from dataclasses import dataclass

from huskies_core.errors import LockBusy
from huskies_core.git.base_checkouts import all_checkouts
from huskies_core.git.changes import changes_between
from huskies_core.git.history import is_on_base
from huskies_core.git.landing_lock import begun, holds, index_lock, release, take_again
from huskies_core.git.repository import Checkout, Repository
from huskies_core.git.rollback import settle


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
        if begun(place) == mark:
            users |= {*_end(repo, place, base_branch=base_branch, sides=(tip, commit), mark=mark)}
    return Recovered(landed, tuple(sorted(users)))


def _end(
    repo: Repository, place: Checkout, *, base_branch: str, sides: tuple[str, str], mark: str
) -> tuple[str, ...]:
    tip, commit = sides
    users: tuple[str, ...] = ()
    if _is_still_there(repo, place, base_branch=base_branch, sides=sides, mark=mark):
        if not holds(place, mark) and not take_again(place):
            raise LockBusy(f"{index_lock(place)} is held by another git", hint="End it, or remove the file.")
        changes = changes_between(repo, tip, commit)
        forward = is_on_base(repo, commit, base_branch)
        users = settle(repo, place, changes, tip=tip, commit=commit, forward=forward)
    release(place, mark)
    return users


def _is_still_there(
    repo: Repository, place: Checkout, *, base_branch: str, sides: tuple[str, str], mark: str
) -> bool:
    """Whether the checkout is as the landing left it. Under our lock it must be. When a person removed the
    lock, work may have gone on: the branch moved, or another one was checked out."""
    if repo.checked_out_branch(place) != base_branch:
        return False
    return holds(place, mark) or repo.branch_tip(base_branch) in sides
