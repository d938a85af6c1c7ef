from collections.abc import Iterator
from pathlib import Path

import pytest

from huskies_core.context import Context
from support.contexts import Clock, opened

CODERS = """
[[agent]]
name = "ann"
stage = "coder"
runtime = "command"
command = ["true"]

[[agent]]
name = "bob"
stage = "coder"
runtime = "command"
model = "big-model-2"
command = ["true"]
"""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def context(tmp_path: Path, clock: Clock) -> Iterator[Context]:
    """Open a project with two coders and no gates."""
    with opened(tmp_path / "repo", clock, agents_toml=CODERS) as context:
        yield context
