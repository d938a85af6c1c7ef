"""The command of a service and its environment, which systemd and cron do not take from a shell."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from huskies_core.errors import HuskiesError
from huskies_core.sanitize import has_controls

CAPTURED = (
    *("PATH", "LANG", "TZ", "GIT_CONFIG_GLOBAL"),
    *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"),
)
"""Variables with the locations of programs and settings, and the locale. None of them contains a secret."""


class ServiceKind(StrEnum):
    """The program that starts a service."""

    SYSTEMD = "systemd"
    CRON = "cron"


class ServiceJob(StrEnum):
    """The command that is started: `tick` each minute, or `watch` once."""

    TICK = "tick"
    WATCH = "watch"


@dataclass(frozen=True)
class Service:
    """A service. Paths are absolute. `environment` extends that of systemd or cron. `may_sudo` lets agents use sudo."""

    root: str
    program: str
    job: ServiceJob
    environment: Mapping[str, str]
    may_sudo: bool = False


def service_of(
    root: str, program: str, job: ServiceJob, environ: Mapping[str, str], *, may_sudo: bool = False
) -> Service:
    """Return the service with the environment of a shell.

    Raise HuskiesError `unusable_path` if units and crontabs cannot contain a path.
    """
    for path in (root, program):
        if not _is_line(path):
            fact = f"a unit or a crontab cannot contain the path {path!r}"
            hint = "Use a path in UTF-8 without control characters."
            raise HuskiesError(fact, hint=hint, code="unusable_path", subject=path)
    return Service(root, program, job, captured(environ), may_sudo)


def captured(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a shell that a service keeps, and the absolute folders of PATH."""
    names = sorted(name for name in environ if name in CAPTURED or name.startswith("LC_"))
    folders = filter(os.path.isabs, environ.get("PATH", "").split(os.pathsep))
    values = {name: environ[name] for name in names} | {"PATH": os.pathsep.join(dict.fromkeys(folders))}
    return {name: value for name, value in values.items() if value and _is_line(value)}


def _is_line(value: str) -> bool:
    """Return whether a value is one line of UTF-8. Other bytes are lone surrogates here."""
    return not has_controls(value) and not any("\ud800" <= character <= "\udfff" for character in value)
