from collections.abc import Iterator
from pathlib import Path

import pytest

from huskies_core.context import Context
from support.contexts import Clock, agent_toml, opened

CODERS = f'{agent_toml()}{agent_toml("bob")}model = "big-model-2"\n'


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def context(tmp_path: Path, clock: Clock) -> Iterator[Context]:
    """Open a project with two coders and no gates."""
    with opened(tmp_path / "repo", clock, agents_toml=CODERS) as context:
        yield context
