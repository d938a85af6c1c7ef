"""Asks for old rescue refs from files alone, so that a pass with nothing to expire starts no git."""

from collections.abc import Iterator
from datetime import UTC, datetime

from huskies_core.git.rescue import REFS, TIME_FORMAT
from huskies_core.project import Project
from huskies_core.sanitize import is_number


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
