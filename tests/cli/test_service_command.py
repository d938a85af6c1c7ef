"""`huskies service`, through the program."""

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support.cli import HUSKIES, run_huskies
from support.commands import Commands
from support.crontabs import OwnCrontab
from support.git_repository import GitRepository


@pytest.fixture(autouse=True)
def crontab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OwnCrontab:
    return OwnCrontab(tmp_path / "crontabs", monkeypatch)


def test_a_dry_run_prints_what_an_install_writes_and_changes_nothing(
    huskies: Commands, crontab: OwnCrontab, repository: GitRepository
) -> None:
    planned = huskies("service", "install", "cron", "--dry-run", "--quiet")
    before = crontab.read()
    done = huskies("service", "install", "cron", "--quiet")
    script = repository.root / ".huskies/cron"
    lines = [*script.read_text().splitlines(), *(crontab.read() or b"").decode().splitlines()]
    assert (before, done.stdout) == (None, f"wrote {script}\nwrote crontab\n")
    assert [line.strip() for line in planned.stdout.splitlines() if line] == [
        f"write {script}",
        *lines[: len(lines) - 4],
        "write crontab",
        *lines[-4:],
    ]


def test_show_reports_whether_a_service_is_installed_and_its_differences(
    huskies: Commands, crontab: OwnCrontab, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert huskies("service", "show", "cron").stdout == "cron: not installed\n"
    huskies("service", "install", "cron")
    assert huskies("service", "show", "cron").stdout.splitlines()[0] == "cron: tick, started, current"
    monkeypatch.setenv("TZ", "Europe/Berlin")
    shown = huskies("service", "show", "cron").stdout
    assert shown.startswith("cron: tick, started, differs\n")
    assert [line.strip() for line in shown.splitlines() if "TZ" in line] == [
        "-export TZ=UTC",
        "+export TZ=Europe/Berlin",
    ]
    document = huskies("service", "uninstall", "cron", "--json").data
    assert (len(document["removed"]), crontab.read()) == (2, None)


def test_install_lists_copied_and_omitted_variables_of_the_shell(
    huskies: Commands, repository: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    agents = '[[agent]]\nname = "a"\nstage = "coder"\nruntime = "command"\ncommand = ["x"]\nenv_allow = ["API_KEY"]\n'
    (repository.root / ".huskies/agents.toml").write_text(agents)
    monkeypatch.setenv("API_KEY", "secret")
    monkeypatch.setenv("HUSKIES_GATEWAY_URL", "http://127.0.0.1:1")
    texts = huskies("service", "install", "cron").stderr.splitlines()
    assert texts[0].startswith("Copied from this shell: GIT_CONFIG_GLOBAL, LANG, LC_ALL, PATH, TZ, ")
    env_file, unset = repository.root / ".huskies/env", "Set in this shell, but not for the service"
    assert texts[1:] == [
        f"{unset}: API_KEY. Add those that agents need to {env_file} (mode 0600).",
        f"{unset}: HUSKIES_GATEWAY_URL. Set gateway_url in project.toml.",
    ]


def test_cron_does_not_watch(huskies: Commands, crontab: OwnCrontab) -> None:
    assert (huskies("service", "install", "cron", "--watch").exit_code, crontab.read()) == (2, None)


@pytest.mark.usefixtures("processes")
def test_projects_that_install_at_once_are_all_in_the_crontab(tmp_path: Path, crontab: OwnCrontab) -> None:
    roots = [GitRepository(tmp_path.resolve() / f"shop {number}").root for number in range(4)]
    for root in roots:
        assert run_huskies("init", cwd=root).exit_code == 0
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda root: run_huskies("service", "install", "cron", cwd=root), roots))
    lines = (crontab.read() or b"").decode().splitlines()
    assert [call.exit_code for call in done] == [0] * 4
    assert [sum(str(root / ".huskies/cron") in line for line in lines) for root in roots] == [1] * 4


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("removed", ["shop/.huskies", "shop"])
def test_the_service_of_a_missing_project_can_be_removed(
    tmp_path: Path, crontab: OwnCrontab, removed: str
) -> None:
    """The service of a project in a parent folder stays."""
    around = GitRepository(tmp_path.resolve() / "all").root
    inner = GitRepository(around / "shop").root
    for root in (around, inner):
        assert run_huskies("init", cwd=root).exit_code == 0
        assert run_huskies("service", "install", "cron", cwd=root).exit_code == 0
    shutil.rmtree(around / removed)
    uninstall = ("--project", str(inner), "service", "uninstall", "cron")
    first, second = run_huskies(*uninstall, cwd=tmp_path), run_huskies(*uninstall, cwd=tmp_path)
    text = (crontab.read() or b"").decode()
    assert (first.exit_code, second.exit_code) == (0, 4)
    assert (str(inner) in text, str(around / ".huskies/cron") in text) == (False, True)


def test_a_tick_works_without_any_environment(huskies: Commands, repository: GitRepository) -> None:
    assert huskies("add", "Greet", "-c", "it greets", "--start").exit_code == 0
    argv = ["env", "-i", str(HUSKIES), "--project", str(repository.root), "tick"]
    for _ in range(2):
        done = subprocess.run(argv, cwd="/", capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")


def test_show_reports_whether_sudo_is_allowed_and_compares_accordingly(huskies: Commands) -> None:
    """The test writes the units like a killed install: no manager starts them."""
    install = ("service", "install", "systemd", "--dry-run", "--json")
    result = []
    for flags in ([], ["--allow-sudo"], ["--watch", "--allow-sudo"]):
        for part in huskies(*install, *flags).data["parts"]:
            path = Path(part["place"])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(part["wanted"]) if part["wanted"] else path.unlink(missing_ok=True)
        shown = huskies("service", "show", "systemd", "--json").data
        again = huskies(*install, "--quiet").data["changed"]
        head = huskies("service", "show", "systemd").stdout.splitlines()[0]
        result.append((shown["job"], shown["allow_sudo"], shown["current"], len(again), head))
    assert result == [
        ("tick", False, True, 0, "systemd: tick, not started, current"),
        ("tick", True, True, 1, "systemd: tick, with sudo, not started, current"),
        ("watch", True, True, 2, "systemd: watch, with sudo, not started, current"),
    ]


def test_cron_cannot_restrict_sudo(huskies: Commands) -> None:
    refused = huskies("service", "install", "cron", "--allow-sudo")
    result = "huskies: --allow-sudo is for systemd only\n  Leave --allow-sudo out.\n"
    assert (refused.outcome, huskies("service", "show", "cron", "--json").data["allow_sudo"]) == (
        (2, "", result),
        True,
    )
