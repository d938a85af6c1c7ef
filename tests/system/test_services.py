"""What `service install` writes keeps a pipeline going: under a real user manager of systemd, from a real cron."""

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
    """The ends of their names; what is enabled is there twice, by a link."""
    folder = Path(os.environ["XDG_CONFIG_HOME"], "systemd/user")
    return sorted(path.name.rpartition(".")[2] for path in folder.rglob("huskies-*") if path.is_file())


def merged_alone(pipeline: Pipeline, story: int) -> tuple[object, ...]:
    """What came of a story that nobody but the service moved."""
    pipeline.wait_for(story, timeout=MOST_SECS)
    return squash_commits(pipeline), {run.outcome for run in pipeline.runs()}, no_leftovers(pipeline)


def of_one(story: int) -> tuple[object, ...]:
    return {story: 1}, {Outcome.COMPLETED}, NOTHING


@pytest.mark.parametrize("job", ["tick", "watch"])
def test_units_take_a_story_to_its_end_and_leave_nothing_when_they_go(
    pipeline: Pipeline, tmp_path: Path, job: str
) -> None:
    flags = ["--watch"] if job == "watch" else []
    with user_manager(tmp_path / "manager.log"):
        installed = pipeline.huskies("service", "install", "systemd", *flags)
        again = pipeline.huskies("service", "install", "systemd", *flags, "--quiet")
        shown = pipeline.huskies("service", "show", "systemd", "--json").data
        came = merged_alone(pipeline, story := pipeline.add())
        removed = pipeline.huskies("service", "uninstall", "systemd", "--json").data["removed"]
        left = systemctl(
            "list-units", "--all", "--plain", "--no-legend", "huskies-*.service", "huskies-*.timer"
        )
    assert (installed.exit_code, again.outcome, came) == (0, (0, "", ""), of_one(story))
    assert [shown[key] for key in ("job", "installed", "started", "current")] == [job, True, True, True]
    assert (len(removed), left, unit_files()) == (1 if flags else 2, "", [])


TRIALS = {
    "git": "git init -q --shared=group shared && git -C shared commit -q --allow-empty -m x &&"
    " git -C shared worktree add -q ../linked && rm -rf shared linked",
    "bwrap": "bwrap --ro-bind / / --dev /dev --proc /proc --unshare-all true",
    "node": "node -e 'let sum = 0; for (let i = 0; i < 1e6; i++) sum += i'",
    "setarch": "setarch -R true",
}
"""What agents and gates do that hardening may take away, by the program that it takes."""


@pytest.mark.parametrize(("flags", "no_new_privileges"), [((), "1"), (("--allow-sudo",), "0")])
def test_agents_and_gates_have_what_they_need_under_a_hardened_unit(
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
        came = merged_alone(pipeline, story := pipeline.add((*steps, "write=a.txt:done", "commit=work")))
        shown = pipeline.huskies("service", "show", "systemd", "--json").data
        assert pipeline.huskies("service", "uninstall", "systemd").exit_code == 0
    inherited = dict(line.split(":\t", 1) for line in status.read_text().splitlines())["NoNewPrivs"]
    assert (came, inherited, tried.exists()) == (of_one(story), no_new_privileges, True)
    assert (shown["allow_sudo"], shown["current"]) == (bool(flags), True)


@pytest.fixture
def odd_pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """A project at a path with what means something in a unit, in a crontab or in a shell."""
    root = tmp_path.resolve() / "my 100% $HOME\\s 'shop'"
    pipeline = Pipeline(GitRepository(root), tmp_path.resolve() / "scripts")
    yield pipeline
    pipeline.stop()


def test_the_other_job_takes_the_place_of_the_first(odd_pipeline: Pipeline, tmp_path: Path) -> None:
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


def test_what_was_killed_half_way_is_brought_to_its_end(pipeline: Pipeline, tmp_path: Path) -> None:
    """An install that only got to its files, and an uninstall that got as far as the first of them."""
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
        runs = pipeline.held_runs()
        go.touch()
        assert (len(runs), merged_alone(pipeline, story)) == (1, of_one(story))


@contextmanager
def cron(spool: Path, log: Path) -> Iterator[None]:
    """Debian's cron, in the foreground, with the crontabs of `spool`. It knows new ones by the second of their times:
    those that it is to find are there before it starts."""
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
    """In a mount namespace of its own, where the crontabs are in `spool`, and the machine has no others."""
    path = f"PATH={os.environ['PATH']}:/usr/sbin"
    return ["env", path, "unshare", "--mount", "sh", "-c", OWN_CRONTABS, "sh", str(spool), *map(str, argv)]


def test_the_line_of_a_crontab_takes_a_story_to_its_end_under_debians_cron(
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
        came = merged_alone(pipeline, story)
    run(HUSKIES, "service", "uninstall", "cron")
    left = run("crontab", "-l"), (pipeline.project.state_dir / "cron").exists()
    assert (came, left) == (of_one(story), (mine, False))


def test_a_line_for_cron_works_where_the_environment_is_empty(
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
    assert merged_alone(pipeline, story) == of_one(story)
    assert shlex.split(line)[1] == planned[0]["place"]
