"""What a run is told: its steps, limits and environment. Written before it starts, read by the shim."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from huskies_core.runtimes.runtime import Price


class Role(StrEnum):
    SETUP = "setup"
    GATE = "gate"
    AGENT = "agent"
    MERGE = "merge"
    TEARDOWN = "teardown"


@dataclass(frozen=True)
class Step:
    """One program of a run. `stdin` is a file, else there is nothing to read."""

    name: str
    role: Role
    argv: tuple[str, ...]
    cwd: str
    timeout_secs: float | None = None
    stdin: str | None = None


@dataclass(frozen=True)
class Limits:
    """None means no limit. All but max_wall_secs, which is the whole run's, count in agent steps only."""

    max_turns: int | None = None
    max_tool_turns: int | None = None
    max_budget_usd: float | None = None
    inactivity_timeout_secs: float | None = None
    max_wall_secs: float | None = None


@dataclass(frozen=True)
class RunSpec:
    """Steps run in order, up to the first that does not exit with 0. `env` is their whole environment.

    `reader` is the module that reads an agent's output, `advance` the program that the shim becomes at the end.
    `model` is the one that is meant where the output names none, `prices` are by model. `held_database` is one whose
    write-ahead log must outlast the run, whoever else closes the store.
    """

    run_id: int
    project: str
    steps: tuple[Step, ...]
    env: Mapping[str, str]
    limits: Limits
    reader: str
    advance: tuple[str, ...]
    held_database: str | None = None
    model: str = ""
    prices: Mapping[str, Price] = field(default_factory=dict)

    def to_json(self) -> str:
        """For the disk, where it stays for weeks: of the environment, which holds keys, only the names."""
        return json.dumps({**asdict(self), "env": sorted(self.env)}, indent=1)

    @classmethod
    def from_json(cls, text: str | bytes, env: Mapping[str, str]) -> "RunSpec":
        """Raises ValueError, KeyError or TypeError for what to_json did not write."""
        raw: dict[str, Any] = json.loads(text)
        return cls(
            run_id=int(raw["run_id"]),
            project=str(raw["project"]),
            steps=tuple(_step(step) for step in raw["steps"]),
            env=env,
            limits=Limits(**raw["limits"]),
            reader=str(raw["reader"]),
            advance=tuple(raw["advance"]),
            model=str(raw["model"]),
            prices={name: Price(**price) for name, price in raw["prices"].items()},
            held_database=raw["held_database"],
        )


def _step(raw: Mapping[str, Any]) -> Step:
    return Step(**{**raw, "role": Role(raw["role"]), "argv": tuple(raw["argv"])})
