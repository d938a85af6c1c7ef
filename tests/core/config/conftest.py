"""Load config files from a project, or return their problems."""

from collections.abc import Callable

import pytest

from huskies_core.config.document import ConfigError
from huskies_core.config.load import load_config
from huskies_core.config.records import Config
from huskies_core.project import Project


def nothing_at_base(path: str) -> str | None:
    assert path.startswith(".huskies/")
    return None


@pytest.fixture
def load(project: Project) -> Callable[..., Config]:
    """Return a function that loads the two texts. An empty text stands for a missing file."""

    def write_and_load(project_toml: str = "", agents_toml: str = "") -> Config:
        for file, text in ((project.project_toml, project_toml), (project.agents_toml, agents_toml)):
            if text:
                file.write_text(text)
        return load_config(project, nothing_at_base)

    return write_and_load


@pytest.fixture
def refusal(load: Callable[..., Config]) -> Callable[..., list[str]]:
    """Return a function that returns the problems of the two texts as lines with hints."""

    def problems_of(project_toml: str = "", agents_toml: str = "") -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load(project_toml, agents_toml)
        return [f"{problem} {problem.hint}".rstrip() for problem in caught.value.problems]

    return problems_of
