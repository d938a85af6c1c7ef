"""A project with the clock of the machine and a crontab of the test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from huskies_core.clock import utc_now
from huskies_core.context import Context
from support.contexts import Clock, agent_toml, opened
from support.crontabs import OwnCrontab


@pytest.fixture
def crontab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OwnCrontab:
    return OwnCrontab(tmp_path / "crontabs", monkeypatch)


@pytest.fixture
def clock() -> Clock:
    return Clock(utc_now())


@pytest.fixture
def context(tmp_path: Path, clock: Clock, crontab: OwnCrontab) -> Iterator[Context]:
    assert crontab.read() is None
    with opened(tmp_path.resolve() / "shop", clock, agents_toml=agent_toml()) as context:
        context.environ = dict(os.environ)
        context.actor = "user:ada"
        yield context
