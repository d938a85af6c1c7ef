"""The units and the crontab of `service install` run a pipeline, under a real systemd user manager and a real cron."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from huskies_core.store.runs import Outcome
from support.cli import HUSKIES
from support.crontabs import OwnCrontab
from support.git_repository import GitRepository
from support.waiting import wait_for_file
from system.facts import NOTHING, no_leftovers, squash_commits
from system.project import MakePipeline, Pipeline
from system.user_manager import user_manager

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

OWN_CRONTABS = """
mount --bind "$1" /var/spool/cron && mount -t tmpfs none /etc/cron.d && mount --bind /dev/null /etc/crontab &&
mount -t tmpfs none /run || exit 70
shift
exec "$@"
"""
MOST_SECS = 200


def systemctl(*arguments: str) -> str:
    done = subprocess.run(["systemctl", "--user", *arguments], capture_output=True, text=True, timeout=60)
    return done.stdout.strip()


def unit_files() -> list[str]:
    """Return the ends of the names of unit files. An enabled unit is listed twice, because of its link."""
    folder = Path(os.environ["XDG_CONFIG_HOME"], "systemd/user")
    return sorted(path.name.rpartition(".")[2] for path in folder.rglob("huskies-*") if path.is_file())


def result_of_story(pipeline: Pipeline, story: int) -> tuple[object, ...]:
    """Return the result of a story that only the service moved."""
    pipeline.wait_for(story, timeout=MOST_SECS)
    return squash_commits(pipeline), {run.outcome for run in pipeline.runs()}, no_leftovers(pipeline)


def merged_result(story: int) -> tuple[object, ...]:
    return {story: 1}, {Outcome.COMPLETED}, NOTHING


@pytest.mark.parametrize("job", ["tick", "watch"])
def test_units_complete_a_story_and_are_removed_without_rest(
    pipeline: Pipeline, tmp_path: Path, job: str
) -> None:
    flags = ["--watch"] if job == "watch" else []
    with user_manager(tmp_path / "manager.log"):
        installed = pipeline.huskies("service", "install", "systemd", *flags)
        again = pipeline.huskies("service", "install", "systemd", *flags, "--quiet")
        shown = pipeline.huskies("service", "show", "systemd", "--json").data
        came = result_of_story(pipeline, story := pipeline.add())
        removed = pipeline.huskies("service", "uninstall", "systemd", "--json").data["removed"]
        remaining = systemctl(
            "list-units", "--all", "--plain", "--no-legend", "huskies-*.service", "huskies-*.timer"
        )
    assert (installed.exit_code, again.outcome, came) == (0, (0, "", ""), merged_result(story))
    assert [shown[key] for key in ("job", "installed", "started", "current")] == [job, True, True, True]
    assert (len(removed), remaining, unit_files()) == (1 if flags else 2, "", [])


TRIALS = {
    "git": "git init -q --shared=group shared && git -C shared commit -q --allow-empty -m x &&"
    " git -C shared worktree add -q ../linked && rm -rf shared linked",
    "bwrap": "bwrap --ro-bind / / --dev /dev --proc /proc --unshare-all true",
    "node": "node -e 'let sum = 0; for (let i = 0; i < 1e6; i++) sum += i'",
    "setarch": "setarch -R true",
}
"""What agents and gates need that hardening can prevent, by program."""


@pytest.mark.parametrize(("flags", "no_new_privileges"), [((), "1"), (("--allow-sudo",), "0")])
def test_agents_and_gates_work_under_a_hardened_unit(
    make_pipeline: MakePipeline, tmp_path: Path, flags: tuple[str, ...], no_new_privileges: str
) -> None:
    trial = " && ".join(["true", *(line for name, line in TRIALS.items() if shutil.which(name))])
    pipeline = make_pipeline(gates={"trial": ["sh", "-c", trial]})
    (pipeline.scripts / "trial").write_text(trial)
    status, tried = tmp_path / "status", tmp_path / "tried"
    with user_manager(tmp_path / "manager.log"):
        installed = pipeline.huskies("service", "install", "systemd", *flags)
        assert installed.exit_code == 0, installed
        steps = (
            f"run=cp /proc/self/status {status}",
            f"run=sh -ec '. {pipeline.scripts}/trial; touch {tried}'",
        )
        came = result_of_story(pipeline, story := pipeline.add((*steps, "write=a.txt:done", "commit=work")))
        shown = pipeline.huskies("service", "show", "systemd", "--json").data
        assert pipeline.huskies("service", "uninstall", "systemd").exit_code == 0
    inherited = dict(line.split(":\t", 1) for line in status.read_text().splitlines())["NoNewPrivs"]
    assert (came, inherited, tried.exists()) == (merged_result(story), no_new_privileges, True)
    assert (shown["allow_sudo"], shown["current"]) == (bool(flags), True)


@pytest.fixture
def odd_pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """Return a project at a path with special characters of units, crontabs and shells."""
    root = tmp_path.resolve() / "my 100% $HOME\\s 'shop'"
    pipeline = Pipeline(GitRepository(root), tmp_path.resolve() / "scripts")
    yield pipeline
    pipeline.stop()


def test_one_kind_of_service_replaces_the_other(odd_pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline, states = odd_pipeline, []
    with user_manager(tmp_path / "manager.log"):
        for flags in ([], ["--watch"], []):
            assert pipeline.huskies("service", "install", "systemd", *flags).exit_code == 0
            shown = pipeline.huskies("service", "show", "systemd", "--json").data
            states.append((shown["job"], shown["started"], shown["current"], unit_files()))
        assert pipeline.huskies("service", "uninstall", "systemd").exit_code == 0
    assert states == [
        ("tick", True, True, ["service", "timer", "timer"]),
        ("watch", True, True, ["service", "service"]),
        ("tick", True, True, ["service", "timer", "timer"]),
    ]


def test_an_interrupted_install_or_uninstall_can_be_repeated(pipeline: Pipeline, tmp_path: Path) -> None:
    """The install ended after writing files; the uninstall ended after removing the first."""
    states = []

    def note() -> None:
        shown = pipeline.huskies("service", "show", "systemd", "--json").data
        states.append((shown["installed"], shown["started"], shown["current"]))

    with user_manager(tmp_path / "manager.log"):
        planned = pipeline.huskies("service", "install", "systemd", "--dry-run", "--json").data["parts"]
        for part in planned:
            Path(part["place"]).parent.mkdir(parents=True, exist_ok=True)
            Path(part["place"]).write_text(part["wanted"])
        note()
        assert pipeline.huskies("service", "install", "systemd").exit_code == 0
        note()
        systemctl("disable", "--now", Path(planned[1]["place"]).name)
        Path(planned[1]["place"]).unlink()
        note()
        assert pipeline.huskies("service", "uninstall", "systemd").exit_code == 0
        note()
    assert (states, unit_files()) == (
        [(True, False, True), (True, True, True), (True, False, False), (False, False, False)],
        [],
    )


def test_an_agent_outlives_the_service_that_started_it(pipeline: Pipeline, tmp_path: Path) -> None:
    at_work, go = pipeline.scripts / "agent.pid", pipeline.scripts / "go"
    with user_manager(tmp_path / "manager.log"):
        assert pipeline.huskies("service", "install", "systemd", "--watch").exit_code == 0
        story = pipeline.add((f"pid={at_work}", f"wait={go}", "write=story.txt:done", "commit=work"))
        wait_for_file(at_work, 60)
        assert pipeline.huskies("service", "uninstall", "systemd").exit_code == 0
        runs = pipeline.locked_runs()
        go.touch()
        assert (len(runs), result_of_story(pipeline, story)) == (1, merged_result(story))


@contextmanager
def cron(spool: Path, log: Path) -> Iterator[None]:
    """Run the cron of Debian in the foreground with the crontabs of `spool`.

    It detects new crontabs by their times in seconds, so they must exist before it starts.
    """
    with log.open("wb") as output:
        daemon = subprocess.Popen(
            apart(spool, "cron", "-f"), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        yield
    finally:
        daemon.terminate()
        daemon.wait(30)


def require_cron(spool: Path) -> None:
    path = f"{os.environ['PATH']}:/usr/sbin"
    missing = [
        name for name in ("cron", "crontab", "unshare", "mount") if shutil.which(name, path=path) is None
    ]
    if sys.platform != "linux" or os.getuid() != 0 or missing:
        pytest.skip(f"needs root, Linux and {' '.join(missing)}")
    (spool / "crontabs").mkdir(parents=True)
    tried = subprocess.run(apart(spool, "true"), capture_output=True, text=True, timeout=60)
    if tried.returncode:
        pytest.skip(f"no mount namespace can be made here: {tried.stderr.strip()}")


def apart(spool: Path, *argv: str | Path) -> list[str]:
    """Return a command line in a mount namespace in which `spool` has the only crontabs."""
    path = f"PATH={os.environ['PATH']}:/usr/sbin"
    return ["env", path, "unshare", "--mount", "sh", "-c", OWN_CRONTABS, "sh", str(spool), *map(str, argv)]


def test_the_crontab_completes_a_story_under_the_cron_of_debian(
    odd_pipeline: Pipeline, tmp_path: Path
) -> None:
    pipeline, spool, mine = odd_pipeline, tmp_path / "spool", "# mine\n@yearly true 100\\%\n"
    require_cron(spool)

    def run(*argv: str | Path, input_text: str = "") -> str:
        done = subprocess.run(
            apart(spool, *argv),
            cwd=pipeline.root,
            input=input_text,
            stdout=subprocess.PIPE,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0
        return done.stdout

    story = pipeline.add()
    run("crontab", "-", input_text=mine)
    run(HUSKIES, "service", "install", "cron")
    with cron(spool, tmp_path / "cron.log"):
        came = result_of_story(pipeline, story)
    run(HUSKIES, "service", "uninstall", "cron")
    remaining = run("crontab", "-l"), (pipeline.project.state_dir / "cron").exists()
    assert (came, remaining) == (merged_result(story), (mine, False))


def test_the_line_of_the_crontab_works_with_an_empty_environment(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    OwnCrontab(tmp_path / "crontabs", monkeypatch)
    story = pipeline.add()
    planned = pipeline.huskies("service", "install", "cron", "--dry-run", "--json").data["parts"]
    script, block = (str(part["wanted"]) for part in planned)
    Path(planned[0]["place"]).write_text(script)
    line = block.splitlines()[2].removeprefix("* * * * * ")
    bare = subprocess.run(
        ["env", "-i", "/bin/sh", "-c", line],
        cwd="/",
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )
    assert (bare.returncode, bare.stdout, bare.stderr) == (0, b"", b"")
    assert result_of_story(pipeline, story) == merged_result(story)
    assert shlex.split(line)[1] == planned[0]["place"]
