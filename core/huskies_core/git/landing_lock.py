"""The `index.lock` of a checkout, taken so that after a crash anybody can tell whose it is."""

import os
from pathlib import Path

from huskies_core.git.locks import LANDING_PREFIX
from huskies_core.git.repository import Checkout

_SIDECAR = "huskies-landing"
_COPY = "index.huskies"


def take(place: Checkout, mark: str) -> bool:
    """Whether the lock was free and is ours now.

    Made as a second name of a file that holds the mark already: it is never there without its mark. That
    file stays until the lock is released, and tells of a landing whose lock a person removed.
    """
    sidecar = place.git_dir / _SIDECAR
    written = place.git_dir / f"{_SIDECAR}.new"
    written.write_text(_content(mark))
    written.replace(sidecar)
    taken = take_again(place)
    if not taken:
        sidecar.unlink()
    return taken


def take_again(place: Checkout) -> bool:
    """Whether the lock of a landing that began, and that a person removed, was free and is ours now."""
    try:
        os.link(place.git_dir / _SIDECAR, index_lock(place))
    except FileExistsError:
        return False
    return True


def release(place: Checkout, mark: str) -> None:
    """Frees the lock if it is ours, and removes what a landing keeps beside it."""
    if holds(place, mark):
        index_lock(place).unlink()
    for name in (_COPY, f"{_COPY}.lock", _SIDECAR):
        (place.git_dir / name).unlink(missing_ok=True)


def index_lock(place: Checkout) -> Path:
    return place.git_dir / "index.lock"


def index_copy(place: Checkout) -> Path:
    """Where the index to be is prepared: beside the index, so that a rename puts it there."""
    return place.git_dir / _COPY


def holds(place: Checkout, mark: str) -> bool:
    """Whether the checkout's `index.lock` carries this mark."""
    return _read(index_lock(place)) == _content(mark)


def begun(place: Checkout) -> str | None:
    """The mark of the landing that began in the checkout and was not released."""
    said = _read(place.git_dir / _SIDECAR)
    return said.removeprefix(LANDING_PREFIX).rstrip("\n") if said else None


def _content(mark: str) -> str:
    return f"{LANDING_PREFIX}{mark}\n"


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except FileNotFoundError:
        return ""
