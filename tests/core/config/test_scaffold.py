import re
import tomllib
from collections.abc import Callable
from dataclasses import fields

from huskies_core.config.edit import keys_in_force
from huskies_core.config.records import Agent, Config, ProjectConfig
from huskies_core.config.scaffold import agents_template, gitignore_text, project_template
from huskies_core.runtimes.known import runtime_names
from support.git_repository import GitRepository

_SETTING = re.compile(r"^# (\[|\]|[a-z_]+ = |\"\"\"|Merge \{|\{\{)")


def examples(template: str) -> str:
    """The template with the marks taken off its examples, as a person would."""
    lines = template.splitlines()
    return "\n".join(line[2:] if _SETTING.match(line) else line for line in lines)


def test_the_templates_set_nothing(load: Callable[..., Config]) -> None:
    assert load(project_template("main"), agents_template()) == Config(ProjectConfig(), ())


def test_the_examples_load_once_their_marks_are_off(
    load: Callable[..., Config], repository: GitRepository
) -> None:
    repository.write(".huskies/prompts/qa.md", "Judge {{story}}.")
    config = load(examples(project_template("trunk")), examples(agents_template()))
    assert (config.project.base_branch, [agent.name for agent in config.agents]) == (
        "trunk",
        ["claude", "codex", "coder-1", "qa-1", "mergemaster"],
    )


def test_every_key_in_use_is_in_the_template_of_the_project_file(load: Callable[..., Config]) -> None:
    told = tomllib.loads(examples(project_template("main")))
    known = {key.partition(".")[0] for key in keys_in_force(load().project)}
    assert set(told) == known


def test_the_examples_are_agents_that_can_be_run(
    load: Callable[..., Config], repository: GitRepository
) -> None:
    repository.write(".huskies/prompts/qa.md", "Judge {{story}}.")
    agents = load("", examples(agents_template())).agents
    told = [name for name in runtime_names() if name in agents_template()]
    assert ({agent.runtime for agent in agents}, told) == (set(runtime_names()), list(runtime_names()))


def test_an_agent_shows_the_keys_that_matter_most() -> None:
    told = set().union(*tomllib.loads(examples(agents_template()))["agent"])
    assert told <= {item.name for item in fields(Agent)}


def test_git_takes_what_people_write_and_nothing_else(repository: GitRepository) -> None:
    kept = [".gitignore", "AGENT.md", "agents.toml", "project.toml", "prompts/a/b.md", "prompts/coder.md"]
    state = ["state.db", "state.db-wal", "env", "runs/1/output.log", "worktrees/1/x", "locks/gc.lock"]
    for name in kept + state:
        repository.write(f".huskies/{name}", gitignore_text() if name == ".gitignore" else "x")
    repository.commit_all()
    assert repository.files()[:-1] == [f".huskies/{name}" for name in kept]
