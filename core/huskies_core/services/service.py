"""A service: its command, its environment, and its units for systemd's user manager.

Neither systemd nor cron takes the environment from a shell. The units are described in systemd.service(5) and
systemd.timer(5).
"""

import os
import re
from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from huskies_core.errors import HuskiesError
from huskies_core.sanitize import has_controls

CAPTURED = (
    *("PATH", "LANG", "TZ", "GIT_CONFIG_GLOBAL"),
    *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"),
)
"""Variables with the locations of programs and settings, and the locale. None of them contains a secret."""
_LONGEST = 200
"""systemd allows 255 bytes in a unit's name, including the suffixes of the unit and its drop-in folder."""

_UNSAFE = re.compile(rb"[^A-Za-z0-9:_.]")

_SERVICE = """\
# Written by 'huskies service install systemd', which overwrites it. Make changes with 'systemctl --user edit'.
[Unit]
Description=Huskies in {root} ({job})
Documentation=man:huskies-service(1) man:huskies-{job}(1)
{limits}
[Service]
{type}
{environment}
# The colon disables variables in the command.
ExecStart={command}
# Runs continue when this service stops: systemd kills only the main process.
KillMode=process
# If the kernel kills an agent for its memory, the other processes continue.
OOMPolicy=continue
# Agents and gates inherit the following settings. huskies-service(1) explains why there are no more.
{hardening}
LimitCORE=0
"""
_HARDENED = """\
# No sudo and no other way to gain privileges. 'install --allow-sudo' omits both settings.
NoNewPrivileges=yes
RestrictRealtime=yes"""
SUDO_MARK = "# --allow-sudo"
"""The beginning of a line in units that allow sudo. Installed units are recognized by it."""

_SUDO = f"{SUDO_MARK}: without NoNewPrivileges, and without RestrictRealtime, which implies it."
_TICK = """\
Type=oneshot
# A tick takes seconds. One that hangs must not block later ticks, which continue its work.
TimeoutStartSec=1h"""
_WATCH = """\
Type=notify
# watch reports ready after the first reconcile, and reports to the watchdog at each tick. A tick that creates a
# worktree of a large repository can take long.
TimeoutStartSec=1h
WatchdogSec=15min
WatchdogSignal=SIGTERM
Restart=on-failure
RestartSec=10s"""
_INSTALL_WATCH = "\n[Install]\nWantedBy=default.target\n"
_TIMER = """\
# Written by 'huskies service install systemd', which overwrites it. Make changes with 'systemctl --user edit'.
[Unit]
Description=Huskies in {root} (each minute)
Documentation=man:huskies-service(1)

[Timer]
OnActiveSec=1s
OnCalendar=minutely
AccuracySec=5s

[Install]
WantedBy=timers.target
"""


class ServiceKind(StrEnum):
    """The program that starts a service."""

    SYSTEMD = "systemd"
    CRON = "cron"


class ServiceJob(StrEnum):
    """The command that is started: `tick` each minute, or `watch` once."""

    TICK = "tick"
    WATCH = "watch"


class Service(Struct, frozen=True):
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


def unit_name(root: str) -> str:
    """Return a name such as `huskies-home-ada-shop`: the escaped path, of which a digest replaces a long end."""
    name = f"huskies-{escaped_path(root)}"
    if len(name) <= _LONGEST:
        return name
    import hashlib  # few names are that long

    digest = hashlib.sha256(root.encode()).hexdigest()[:16]
    return f"{name[:_LONGEST]}_{digest}"


def escaped_path(path: str) -> str:
    """Return the path as `systemd-escape --path` prints it."""
    parts = (part.encode() for part in path.split("/") if part)
    safe = [_UNSAFE.sub(lambda match: b"\\x%02x" % match[0][0], part).decode() for part in parts]
    escaped = "-".join(safe) or "-"
    return f"\\x2e{escaped[1:]}" if escaped.startswith(".") else escaped


def units_of(service: Service) -> dict[str, str]:
    """Return the texts by file name: a service for `watch`, a service and its timer for `tick`."""
    name = unit_name(service.root)
    root = _literal(service.root)
    is_watch = service.job is ServiceJob.WATCH
    command = "watch" if is_watch else "tick --quiet"
    variables = (f"{key}={value}" for key, value in service.environment.items())
    text = _SERVICE.format(
        root=root,
        job=service.job.value,
        limits="StartLimitIntervalSec=0\n" if is_watch else "",
        type=_WATCH if is_watch else _TICK,
        environment="\n".join(f"Environment={_quoted(variable)}" for variable in variables),
        command=f"{_quoted(f':{service.program}')} --project {_quoted(service.root)} {command}",
        hardening=_SUDO if service.may_sudo else _HARDENED,
    )
    if is_watch:
        return {f"{name}.service": text + _INSTALL_WATCH}
    return {f"{name}.service": text, f"{name}.timer": _TIMER.format(root=root)}


def properties_of(unit: str) -> dict[str, str]:
    """Return the settings of a service, without its command and environment."""
    service = unit.partition("[Service]\n")[2].partition("\n[")[0]
    settings = dict(line.split("=", 1) for line in service.splitlines() if re.match(r"[A-Za-z]+=", line))
    return {name: value for name, value in settings.items() if name not in ("Environment", "ExecStart")}


def starter_of(root: str, job: ServiceJob) -> str:
    """Return the name of the unit that is enabled and starts the others."""
    return f"{unit_name(root)}.{'service' if job is ServiceJob.WATCH else 'timer'}"


def _quoted(text: str) -> str:
    return '"' + _literal(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _literal(text: str) -> str:
    """Return the text with specifiers of systemd escaped."""
    return text.replace("%", "%%")
