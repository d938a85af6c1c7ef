"""git: its version, who commits, and what of its settings keeps stories from moving."""

from collections.abc import Iterator

from huskies_core.context import Context
from huskies_core.doctor.check import Check
from huskies_core.git.host import require_git
from huskies_core.git.settings import hurtful_settings, is_shallow, notable_settings


def look_at_git(context: Context) -> Iterator[Check]:
    yield Check("git", detail=require_git())
    yield Check("git identity", detail=_unknown_identity(context))
    yield from (
        Check(f"git {hurt.key}", f"{hurt.key} is set so that {hurt.why}", f"Run '{hurt.command}'.")
        for hurt in hurtful_settings(context.repository)
    )
    yield Check("git settings", detail="; ".join(notable_settings(context.repository)))
    yield _history(context)


def _unknown_identity(context: Context) -> str:
    """Not having one is no fault: agents and Huskies sign by themselves then."""
    made_up = context.repository.identity
    if not made_up:
        return ""
    return "git knows no user.name and user.email: merges are committed by huskies <huskies@localhost>"


def _history(context: Context) -> Check:
    if not is_shallow(context.repository):
        return Check("git history")
    fix = "Run 'git fetch --unshallow'."
    return Check("git history", "the clone is shallow: what a branch began from may be missing", fix)
