"""Services of cron, installed and removed. tests/system has those of systemd, with a real user manager."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.operations.services import (
    inspect,
    install,
    installed_services,
    uncaptured_variables,
    uninstall,
)
from huskies_core.services.service import ServiceJob, ServiceKind
from support.contexts import Clock, agent_toml, opened
from support.crontabs import OwnCrontab

MINE = b"MAILTO=ada\n# \xff\r\n0 5 * * 1 true 100\\%\n"


@pytest.fixture
def crontab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OwnCrontab:
    return OwnCrontab(tmp_path / "crontabs", monkeypatch)


@pytest.fixture
def context(tmp_path: Path, crontab: OwnCrontab) -> Iterator[Context]:
    assert crontab.read() is None
    with opened(
        tmp_path.resolve() / "shop",
        Clock(),
        agents_toml=f"{agent_toml()}env_allow = ['KEY', 'PATH', 'A', 'B']\n",
    ) as it:
        it.environ = dict(os.environ)
        yield it


def state(context: Context) -> tuple[bool, bool, bool]:
    installations = inspect(context, ServiceKind.CRON)
    return installations.is_installed, installations.is_started, installations.is_current


def code_of(error: pytest.ExceptionInfo[HuskiesError]) -> str:
    return error.value.code


@pytest.mark.parametrize("before", [None, MINE, MINE.rstrip(b"\n")])
def test_the_line_is_added_once_and_removed_completely(
    context: Context, crontab: OwnCrontab, before: bytes | None
) -> None:
    if before is not None:
        crontab.write(before)
    states = [state(context)]
    install(context, ServiceKind.CRON, ServiceJob.TICK)
    there, writes = crontab.read(), crontab.writes()
    install(context, ServiceKind.CRON, ServiceJob.TICK)
    states.append(state(context))
    assert (crontab.read(), crontab.writes(), writes) == (there, 1, 1)
    removed = uninstall(context, ServiceKind.CRON)
    states.append(state(context))
    assert states == [(False, False, False), (True, True, True), (False, False, False)]
    assert (there or b"").startswith(before or b"")
    assert removed == (str(context.project.state_dir / "cron"), "crontab")
    assert (crontab.read(), uninstall(context, ServiceKind.CRON)) == (before, ())


def test_the_next_install_completes_a_killed_one(context: Context, crontab: OwnCrontab) -> None:
    install(context, ServiceKind.CRON, ServiceJob.TICK)
    whole = crontab.read()
    crontab.write(MINE)
    halves = [state(context)]
    install(context, ServiceKind.CRON, ServiceJob.TICK)
    (context.project.state_dir / "cron").unlink()
    halves.append(state(context))
    install(context, ServiceKind.CRON, ServiceJob.TICK)
    assert halves == [(True, False, False), (True, True, False)]
    assert (state(context), crontab.read()) == ((True, True, True), MINE + (whole or b""))


def test_a_crontab_that_cannot_be_read_is_not_taken_for_an_empty_one(
    context: Context, crontab: OwnCrontab
) -> None:
    crontab.write(MINE)
    crontab.refuse()
    for act in (
        lambda: install(context, ServiceKind.CRON, ServiceJob.TICK),
        lambda: uninstall(context, ServiceKind.CRON),
    ):
        with pytest.raises(HuskiesError) as caught:
            act()
        assert (code_of(caught), "not allowed" in caught.value.message) == ("crontab_failed", True)
    assert (crontab.read(), crontab.writes()) == (MINE, 0)


def test_an_install_from_another_shell_differs(context: Context) -> None:
    install(context, ServiceKind.CRON, ServiceJob.TICK)
    context.environ = {**context.environ, "PATH": f"{context.environ['PATH']}:/elsewhere"}
    assert state(context) == (True, True, False)
    assert [service.kind for service in installed_services(context)] == [ServiceKind.CRON]


def test_missing_programs_are_named(context: Context, tmp_path: Path) -> None:
    context.environ = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    for kind, code in ((ServiceKind.CRON, "no_cron"), (ServiceKind.SYSTEMD, "no_user_manager")):
        for act in (
            lambda kind=kind: install(context, kind, ServiceJob.TICK),
            lambda kind=kind: uninstall(context, kind),
        ):
            with pytest.raises(HuskiesError) as caught:
                act()
            assert code_of(caught) == code
    assert (installed_services(context), list(tmp_path.glob(".config/systemd/user/*"))) == ((), [])


def test_nothing_is_written_without_a_user_manager(context: Context) -> None:
    if shutil.which("systemctl") is None:
        pytest.skip("systemctl is not installed")
    with pytest.raises(HuskiesError) as caught:
        install(context, ServiceKind.SYSTEMD, ServiceJob.WATCH)
    assert (code_of(caught), "service install cron" in caught.value.hint) == ("no_user_manager", True)
    assert not inspect(context, ServiceKind.SYSTEMD).is_installed


def test_an_agent_installs_nothing(context: Context, crontab: OwnCrontab) -> None:
    context.environ = {**context.environ, "HUSKIES_RUN_ID": "1", "HUSKIES_PROJECT": str(context.project.root)}
    for act in (
        lambda: install(context, ServiceKind.CRON, ServiceJob.TICK),
        lambda: uninstall(context, ServiceKind.CRON),
    ):
        with pytest.raises(HuskiesError) as caught:
            act()
        assert code_of(caught) == "inside_a_run"
    assert crontab.read() is None


def test_variables_that_only_this_shell_has_are_named(context: Context) -> None:
    context.environ = {**context.environ, "KEY": "secret", "A": "1"}
    context.project.env_file.write_text("A=1\n")
    context.project.env_file.chmod(0o600)
    written = "\n".join(str(part.expected) for kind in ServiceKind for part in inspect(context, kind).parts)
    assert (uncaptured_variables(context), "secret" in written) == (("KEY",), False)
