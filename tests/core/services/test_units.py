"""The texts of units, also as systemd parses them."""

import shutil
import subprocess
from pathlib import Path

import pytest

from huskies_core.services.service import (
    Service,
    ServiceJob,
    escaped_path,
    properties_of,
    starter_of,
    unit_name,
    units_of,
)

ODD = '/srv/über shop/100% "a\\b" $HOME;x'
PATHS = ["/", "/home/ada/shop", "/a//b/", "/.hidden/x", "/a-b/c_d.e:f", "/srv/über shop/100%", ODD, "/x/.y"]


HARDENED = ["NoNewPrivileges=yes", "RestrictRealtime=yes"]


def service(
    root: str = "/home/ada/shop", job: ServiceJob = ServiceJob.TICK, *, may_sudo: bool = False
) -> Service:
    environment = {"LANG": "C.UTF-8", "PATH": "/usr/bin:/opt/100%/bin"}
    return Service(root, "/opt/my venv/bin/huskies", job, environment, may_sudo)


@pytest.mark.parametrize(
    ("path", "escaped"),
    [
        ("/", "-"),
        ("/home/ada/shop", "home-ada-shop"),
        ("/.a/b-c d", "\\x2ea-b\\x2dc\\x20d"),
        ("/ü", "\\xc3\\xbc"),
    ],
)
def test_a_path_is_escaped(path: str, escaped: str) -> None:
    assert escaped_path(path) == escaped


def test_paths_are_escaped_as_systemd_escape_does() -> None:
    if shutil.which("systemd-escape") is None:
        pytest.skip("systemd-escape is not installed")
    output = subprocess.run(
        ["systemd-escape", "--path", *PATHS], capture_output=True, text=True, check=True, timeout=30
    ).stdout
    assert output.split() == [escaped_path(path) for path in PATHS]


def test_long_paths_have_unique_names_that_systemd_accepts() -> None:
    roots = [f"/home/{'ü' * 100}/{end}" for end in ("a", "b")]
    names = {unit_name(root) for root in roots}
    assert (len(names), all(len(f"{name}.service.d") < 256 for name in names)) == (2, True)


def test_tick_has_a_service_and_a_timer() -> None:
    units = units_of(service())
    assert list(units) == ["huskies-home-ada-shop.service", "huskies-home-ada-shop.timer"]
    assert settings(units["huskies-home-ada-shop.service"]) == [
        "[Unit]",
        "Description=Huskies in /home/ada/shop (tick)",
        "Documentation=man:huskies-service(1) man:huskies-tick(1)",
        "[Service]",
        "Type=oneshot",
        "TimeoutStartSec=1h",
        'Environment="LANG=C.UTF-8"',
        'Environment="PATH=/usr/bin:/opt/100%%/bin"',
        'ExecStart=":/opt/my venv/bin/huskies" --project "/home/ada/shop" tick --quiet',
        "KillMode=process",
        "OOMPolicy=continue",
        *HARDENED,
        "LimitCORE=0",
    ]
    assert starter_of("/home/ada/shop", ServiceJob.TICK) == "huskies-home-ada-shop.timer"


def test_watch_has_a_service_that_starts_at_login() -> None:
    units = units_of(service(job=ServiceJob.WATCH))
    assert list(units) == ["huskies-home-ada-shop.service"]
    assert settings(units["huskies-home-ada-shop.service"])[-8:] == [
        'ExecStart=":/opt/my venv/bin/huskies" --project "/home/ada/shop" watch',
        "KillMode=process",
        "OOMPolicy=continue",
        *HARDENED,
        "LimitCORE=0",
        "[Install]",
        "WantedBy=default.target",
    ]
    assert starter_of("/home/ada/shop", ServiceJob.WATCH) == "huskies-home-ada-shop.service"


@pytest.mark.parametrize("job", list(ServiceJob))
def test_allowing_sudo_only_omits_the_hardening(job: ServiceJob) -> None:
    name = "huskies-home-ada-shop.service"
    hardened, plain = (settings(units_of(service(job=job, may_sudo=sudo))[name]) for sudo in (False, True))
    assert [line for line in hardened if line not in plain] == HARDENED
    assert [line for line in plain if line not in hardened] == []


def test_the_properties_of_a_unit_omit_its_command_and_environment() -> None:
    tick, watch = (units_of(service(job=job))["huskies-home-ada-shop.service"] for job in ServiceJob)
    assert properties_of(tick) == {
        "Type": "oneshot",
        "TimeoutStartSec": "1h",
        "KillMode": "process",
        "OOMPolicy": "continue",
        "NoNewPrivileges": "yes",
        "RestrictRealtime": "yes",
        "LimitCORE": "0",
    }
    assert ("WantedBy" in watch, "WantedBy" in properties_of(watch)) == (True, False)


@pytest.mark.parametrize("job", list(ServiceJob))
@pytest.mark.parametrize("may_sudo", [False, True])
@pytest.mark.parametrize("root", ["/home/ada/shop", ODD])
def test_systemd_accepts_the_units(tmp_path: Path, root: str, job: ServiceJob, *, may_sudo: bool) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    program = tmp_path / "my 100% $HOME" / "huskies"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    files: list[Path] = []
    odd = Service(root, str(program), job, {"PATH": '/a "b":/c\\d:/100%'}, may_sudo)
    for name, text in units_of(odd).items():
        files.append(tmp_path / name)
        files[-1].write_text(text)
    verify = ["systemd-analyze", "verify", "--user", "--man=no", *map(str, files)]
    done = subprocess.run(verify, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def settings(unit: str) -> list[str]:
    return [line for line in unit.splitlines() if line and not line.startswith("#")]
