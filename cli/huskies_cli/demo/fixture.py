"""The repository of the demo: a small Python project, scripted agents, its own git configuration, and six stories."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.git.repository import Repository
from huskies_core.ids import StoryId
from huskies_core.operations import stories
from huskies_core.operations.init import initialise
from huskies_core.project import STATE_FOLDER, Project, find_repository
from huskies_core.qa_mode import QaMode
from huskies_core.store.stories import Criterion, StoryDraft

BASE = "main"
GATE = (sys.executable, "-m", "unittest", "-q")
AGENTS = {
    **dict.fromkeys(("coder-1", "coder-2", "coder-3"), "coder"),
    "qa-1": "qa",
    "mergemaster": "mergemaster",
}
STORIES = READ, WEIGH, RATION, LEAD, HEAVIEST, YOUNGEST = tuple(map(StoryId, range(1, 7)))
"""The ids of the stories in PLANNED: a new project counts from 1."""


class Planned(Struct, frozen=True):
    """A story, and its course for the introduction. Its title names the patch that the coder applies; each line of
    `criteria` is a criterion."""

    title: str
    criteria: str
    course: str
    depends_on: tuple[StoryId, ...] = ()
    qa: QaMode | None = None


PLANNED = (
    Planned("Read a team from a CSV file", "`read_team` gives the dogs of a file", "goes straight through"),
    Planned(
        "Weigh the team in a file",
        "`weight_in_file` adds up the kilograms",
        f"waits until #{READ} is merged",
        depends_on=(READ,),
    ),
    Planned("Work out the daily ration", "`daily_ration` is 40 g for each kg", "fails the gate once"),
    Planned(
        "Choose the lead dog",
        "`lead_dog` gives the oldest dog of a team\n`README.md` names `kennel.lead.lead_dog`",
        "is rejected once by a QA agent",
        qa=QaMode.AGENT,
    ),
    Planned(
        "Add the command heaviest",
        "`heaviest` names the heaviest dog",
        f"changes the same lines as #{YOUNGEST}:",
    ),
    Planned(
        "Add the command youngest", "`youngest` names the youngest dog", "a mergemaster resolves the conflict"
    ),
)
_SOURCE = Path(__file__).parent / "project"
_GIT_CONFIG = "demo.gitconfig"
_GIT_SETTINGS = """\
# The git configuration of the demo and its agents, instead of that of this machine.
# No user is configured: each agent commits under its own name.
[user]
\tuseConfigOnly = true
[core]
\tattributesFile = /dev/null
\texcludesFile = /dev/null
[safe]
\tdirectory = *
"""
_PROJECT_TOML = """\
max_coders = 3

[[gate]]
name = "tests"
command = {command}
timeout_secs = 600
"""
_AGENT_TOML = """\
[[agent]]
name = "{name}"
stage = "{stage}"
runtime = "command"
command = {command}
inactivity_timeout_secs = 600
max_wall_secs = 600
"""


def claim_directory(path: str | None) -> Path:
    """Make `.huskies` in an empty directory, `path` or a temporary one, and return the directory.

    Raise HuskiesError `not_empty` or `not_a_directory`. Of two calls for one directory, one raises.
    """
    directory = Path(path or tempfile.mkdtemp(prefix="huskies-demo-"))
    try:
        directory = Path(os.path.abspath(directory))
        directory.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise HuskiesError(f"{directory} is not a directory", code="not_a_directory") from error
    except FileNotFoundError as error:
        raise HuskiesError(f"{directory} cannot be made: the current directory no longer exists") from error
    is_empty = not any(directory.iterdir())
    with suppress(FileExistsError):
        if is_empty:
            (directory / STATE_FOLDER).mkdir()
            return directory
    hint = "Name an empty or missing directory, or none for a temporary one."
    raise HuskiesError(f"{directory} is not empty", hint=hint, code="not_empty", subject=str(directory))


@contextmanager
def own_environment(root: Path) -> Iterator[None]:
    """Hide the user's git config and other projects from this process and its children for the length of the block."""
    before = dict(os.environ)
    try:
        os.environ.clear()
        os.environ.update(demo_environment(before, root))
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def demo_environment(environ: Mapping[str, str], root: Path) -> dict[str, str]:
    """Return `environ` without the variables of git and huskies, and with the demo's git config in `root`."""
    own = {name: value for name, value in environ.items() if not re.match("GIT_|HUSKIES_|EMAIL$", name)}
    config = str(root / STATE_FOLDER / _GIT_CONFIG)
    return {**own, "GIT_CONFIG_GLOBAL": config, "GIT_CONFIG_SYSTEM": os.devnull}


def make_project(root: Path) -> Project:
    """Make the repository with the small project, initialise huskies in it, and commit all of it on `main`."""
    (root / STATE_FOLDER / _GIT_CONFIG).write_text(_GIT_SETTINGS)
    # In the package the files end in .txt, so that no tool takes them for code of huskies.
    for source in sorted(_SOURCE.rglob("*.txt")):
        target = root / source.relative_to(_SOURCE).with_suffix("")
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(source.read_bytes())
    command = ["git", "init", "--quiet", "--template=", f"--initial-branch={BASE}", str(root)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    project = find_repository(root)
    with Repository(project) as repo:
        names = sorted(path.name for path in root.iterdir() if path.name not in (".git", STATE_FOLDER))
        _commit(repo, "Keep a team of sled dogs", names)
        initialise(root, base_branch=BASE, environ=os.environ)
        project.project_toml.write_text(_PROJECT_TOML.format(command=_toml(*GATE)), encoding="utf-8")
        project.agents_toml.write_text(_agents_toml(), encoding="utf-8")
        _commit(repo, "Let huskies work on it", [STATE_FOLDER])
    return project


def _agents_toml() -> str:
    """Return agents.toml. The agents run under the Python of this installation."""
    program = (sys.executable, "-P", "-m", "huskies_cli.demo.agents")
    return "\n".join(
        _AGENT_TOML.format(name=name, stage=stage, command=_toml(*program, stage))
        for name, stage in AGENTS.items()
    )


def _toml(*command: str) -> str:
    return json.dumps(command, ensure_ascii=False)


def _commit(repo: Repository, message: str, paths: list[str]) -> None:
    repo.git("add", "--", *paths)
    repo.git("commit", "--quiet", "--message", message, env=repo.identity)


def add_stories(context: Context) -> None:
    """Add all stories in order, and start those without dependencies: the passes start the others."""
    for planned in PLANNED:
        criteria = tuple(map(Criterion, planned.criteria.splitlines()))
        draft = StoryDraft(planned.title, criteria=criteria, depends_on=planned.depends_on, qa=planned.qa)
        stories.create(context, draft, start=not planned.depends_on)
