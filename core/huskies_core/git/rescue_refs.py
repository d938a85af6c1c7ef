"""Asks for old rescue refs from files alone, so that a pass with nothing to expire starts no git."""

from collections.abc import Iterator
from datetime import UTC, datetime

from huskies_core.git.rescue import REFS, TIME_FORMAT
from huskies_core.project import Project


def has_rescues_before(project: Project, moment: datetime) -> bool:
    """Whether a rescue ref, loose or packed, is older than `moment`. (A reftable repository always says no.)"""
    limit = moment.astimezone(UTC).strftime(TIME_FORMAT)
    return any(time < limit for time in (*_loose(project), *_packed(project)))


def _loose(project: Project) -> Iterator[str]:
    return (path.name for path in project.git_dir.joinpath(*REFS.split("/")).glob("*/*"))


def _packed(project: Project) -> Iterator[str]:
    packed = project.git_dir / "packed-refs"
    lines = packed.read_text(errors="replace").splitlines() if packed.exists() else []
    return (line.rpartition("/")[2] for line in lines if f" {REFS}" in line)
