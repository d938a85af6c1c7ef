"""The units of a project for systemd's user manager, as text (systemd.service(5), systemd.timer(5))."""

import hashlib
import re

from huskies_core.services.service import Service, ServiceJob

_LONGEST = 200
"""A unit's name has 255 bytes at most, its end and those of drop-ins among them."""

_PLAIN = re.compile(rb"[^A-Za-z0-9:_.]")

_SERVICE = """\
# Written by 'huskies service install systemd', which writes it anew; systemctl --user edit makes a drop-in that stays.
[Unit]
Description=Huskies in {place} ({job})
Documentation=man:huskies-service(1) man:huskies-{job}(1)
{limits}
[Service]
{type}
{environment}
ExecStart={command}
# Runs outlive what started them: only the program itself is ended.
KillMode=process
# An agent that the kernel ends for its memory is no reason to end the rest.
OOMPolicy=continue
# Agents and gates inherit what follows and keep it for their lives; huskies-service(1) says why there is no more of it.
{hardening}
LimitCORE=0
"""
_HARDENED = """\
# No sudo, nor another way to more rights than this user has: 'install --allow-sudo' leaves both out.
NoNewPrivileges=yes
RestrictRealtime=yes"""
OF_SUDO = """\
# --allow-sudo: neither NoNewPrivileges nor RestrictRealtime, which takes sudo away with it."""
"""Stands in a service that leaves sudo to agents and gates."""
_TICK = """\
Type=oneshot
# A tick takes seconds; one that hangs must not keep all later ones from starting. What it was at, the next one does.
TimeoutStartSec=1h"""
_WATCH = """\
Type=notify
# Ready is said after the first reconcile, alive at each tick. A long tick may make a worktree of a large repository.
TimeoutStartSec=1h
WatchdogSec=15min
WatchdogSignal=SIGTERM
Restart=on-failure
RestartSec=10s"""
_WANTED_AT_LOGIN = "\n[Install]\nWantedBy=default.target\n"
_TIMER = """\
# Written by 'huskies service install systemd', which writes it anew; systemctl --user edit makes a drop-in that stays.
[Unit]
Description=Huskies in {place} (each minute)
Documentation=man:huskies-service(1)

[Timer]
OnActiveSec=1s
OnCalendar=minutely
AccuracySec=5s

[Install]
WantedBy=timers.target
"""


def unit_name(root: str) -> str:
    """`huskies-home-ada-shop`, the path escaped as systemd-escape(1) does; of a long one the end is a digest."""
    name = f"huskies-{escaped_path(root)}"
    if len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(root.encode()).hexdigest()[:16]
    return f"{name[:_LONGEST]}_{digest}"


def escaped_path(path: str) -> str:
    """As `systemd-escape --path` prints it."""
    parts = [part for part in path.split("/") if part]
    escaped = "-".join(_escaped(part) for part in parts) or "-"
    return f"\\x2e{escaped[1:]}" if escaped.startswith(".") else escaped


def units_of(service: Service) -> dict[str, str]:
    """File name to text: a service for `watch`, a service and its timer for `tick`."""
    name = unit_name(service.root)
    place = _literal(service.root)
    is_watch = service.job is ServiceJob.WATCH
    text = _SERVICE.format(
        place=place,
        job=service.job.value,
        limits="StartLimitIntervalSec=0\n" if is_watch else "",
        type=_WATCH if is_watch else _TICK,
        environment="\n".join(
            f"Environment={_quoted(f'{name}={value}')}" for name, value in service.environment.items()
        ),
        command=_command(service),
        hardening=OF_SUDO if service.may_sudo else _HARDENED,
    )
    if is_watch:
        return {f"{name}.service": text + _WANTED_AT_LOGIN}
    return {f"{name}.service": text, f"{name}.timer": _TIMER.format(place=place)}


def properties_of(unit: str) -> dict[str, str]:
    """What the text of a service sets, but for what it starts and with which environment."""
    service = unit.partition("[Service]\n")[2].partition("\n[")[0]
    settings = dict(line.split("=", 1) for line in service.splitlines() if re.match(r"[A-Za-z]+=", line))
    return {name: value for name, value in settings.items() if name not in ("Environment", "ExecStart")}


def starter_of(root: str, job: ServiceJob) -> str:
    """The unit that is enabled: what starts the rest."""
    return f"{unit_name(root)}.{'service' if job is ServiceJob.WATCH else 'timer'}"


def _command(service: Service) -> str:
    """With a colon before it nothing in it is a variable."""
    rest = "watch" if service.job is ServiceJob.WATCH else "tick --quiet"
    return f"{_quoted(f':{service.program}')} --project {_quoted(service.root)} {rest}"


def _quoted(text: str) -> str:
    return '"' + _literal(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _literal(text: str) -> str:
    """Without what systemd would take for a specifier."""
    return text.replace("%", "%%")


def _escaped(part: str) -> str:
    return _PLAIN.sub(lambda found: b"\\x%02x" % found[0][0], part.encode()).decode()
