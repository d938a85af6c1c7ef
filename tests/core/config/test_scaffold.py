import re
import tomllib
from collections.abc import Callable

from msgspec.structs import fields

from huskies_core.config.edit import keys_in_force
from huskies_core.config.records import Agent, Config, ProjectConfig
from huskies_core.config.scaffold import AGENTS_TEMPLATE, GITIGNORE, project_template
from huskies_core.runtimes.registry import runtime_names
from support.git_repository import GitRepository

_SETTING = re.compile(r"^# (\[|\]|[a-z_]+ = |\"\"\"|Merge \{|\{\{)")


def examples(template: str) -> str:
    """Return the template with its examples uncommented."""
    lines = template.splitlines()
    return "\n".join(line[2:] if _SETTING.match(line) else line for line in lines)


def test_the_templates_set_nothing(load: Callable[..., Config]) -> None:
    assert load(project_template("main"), AGENTS_TEMPLATE) == Config(ProjectConfig(), ())


def test_the_uncommented_examples_load(load: Callable[..., Config], repository: GitRepository) -> None:
    repository.write(".huskies/prompts/qa.md", "Judge {{story}}.")
    config = load(examples(project_template("trunk")), examples(AGENTS_TEMPLATE))
    assert (config.project.base_branch, [agent.name for agent in config.agents]) == (
        "trunk",
        ["claude", "codex", "coder-1", "qa-1", "mergemaster"],
    )


def test_the_template_of_the_project_file_shows_every_key(load: Callable[..., Config]) -> None:
    shown = tomllib.loads(examples(project_template("main")))
    known = {key.partition(".")[0] for key in keys_in_force(load().project)}
    assert set(shown) == known


def test_the_examples_use_every_runtime(load: Callable[..., Config], repository: GitRepository) -> None:
    repository.write(".huskies/prompts/qa.md", "Judge {{story}}.")
    agents = load("", examples(AGENTS_TEMPLATE)).agents
    named = [name for name in runtime_names() if name in AGENTS_TEMPLATE]
    assert ({agent.runtime for agent in agents}, named) == (set(runtime_names()), list(runtime_names()))


def test_the_example_agents_have_known_keys_only() -> None:
    shown = set().union(*tomllib.loads(examples(AGENTS_TEMPLATE))["agent"])
    assert shown <= {item.name for item in fields(Agent)}


def test_git_commits_only_the_files_that_people_edit(repository: GitRepository) -> None:
    committed = [
        ".gitignore",
        "AGENT.md",
        "agents.toml",
        "project.toml",
        "prompts/a/b.md",
        "prompts/coder.md",
    ]
    state = ["state.db", "state.db-wal", "env", "runs/1/output.log", "worktrees/1/x", "locks/gc.lock"]
    for name in committed + state:
        repository.write(f".huskies/{name}", GITIGNORE if name == ".gitignore" else "x")
    repository.commit_all()
    assert repository.files()[:-1] == [f".huskies/{name}" for name in committed]
