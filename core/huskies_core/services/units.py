"""The texts of a project's units for systemd's user manager (systemd.service(5), systemd.timer(5))."""

import hashlib
import re

from huskies_core.services.service import Service, ServiceJob

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


def unit_name(root: str) -> str:
    """Return a name such as `huskies-home-ada-shop`: the escaped path, of which a digest replaces a long end."""
    name = f"huskies-{escaped_path(root)}"
    if len(name) <= _LONGEST:
        return name
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
