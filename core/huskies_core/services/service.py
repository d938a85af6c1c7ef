"""What a service starts, and with which environment: systemd and cron start next to nothing of a shell's."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from huskies_core.errors import HuskiesError
from huskies_core.sanitize import has_controls

CAPTURED = (
    "PATH",
    "LANG",
    "TZ",
    "GIT_CONFIG_GLOBAL",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
)
"""Where programs are, how text is read and where settings lie: no value of these is a secret."""


class ServiceKind(StrEnum):
    """Who starts it."""

    SYSTEMD = "systemd"
    CRON = "cron"


class ServiceJob(StrEnum):
    """What is started: `tick` each minute, or `watch` once."""

    TICK = "tick"
    WATCH = "watch"


@dataclass(frozen=True)
class Service:
    """Paths are absolute. `environment` is set on top of what systemd or cron give. With `may_sudo` nothing is taken
    away that agents and gates would need for sudo."""

    root: str
    program: str
    job: ServiceJob
    environment: Mapping[str, str]
    may_sudo: bool = False


def service_of(
    root: str, program: str, job: ServiceJob, environ: Mapping[str, str], *, may_sudo: bool = False
) -> Service:
    """The service as a shell with `environ` would have it. Raises HuskiesError `unusable_path` where neither a unit
    nor a crontab could name the project."""
    for path in (root, program):
        if has_controls(path) or not _is_text(path):
            raise HuskiesError(
                f"{path!r} cannot stand in a unit or a crontab",
                hint="Move it to a path without control characters, in UTF-8.",
                code="unusable_path",
                subject=path,
            )
    return Service(root, program, job, captured(environ), may_sudo)


def captured(environ: Mapping[str, str]) -> dict[str, str]:
    """What of a shell's environment a service keeps. Of PATH what is absolute: anything else would be looked for in
    whatever folder the service stands in."""
    names = sorted(name for name in environ if name in CAPTURED or name.startswith("LC_"))
    values = {name: environ[name] for name in names} | {"PATH": _absolute(environ.get("PATH", ""))}
    return {name: value for name, value in values.items() if value and _is_line(value)}


def _absolute(path: str) -> str:
    return os.pathsep.join(dict.fromkeys(entry for entry in path.split(os.pathsep) if os.path.isabs(entry)))


def _is_line(value: str) -> bool:
    return _is_text(value) and not has_controls(value)


def _is_text(value: str) -> bool:
    """Whether it came from UTF-8: other bytes are lone surrogates here."""
    return not any("\ud800" <= character <= "\udfff" for character in value)
