"""Specification of a run: its steps, limits and environment. Written before it starts, read by the shim."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from huskies_core.ids import RunId
from huskies_core.runtimes.runtime import Price


class Role(StrEnum):
    SETUP = "setup"
    GATE = "gate"
    AGENT = "agent"
    MERGE = "merge"
    TEARDOWN = "teardown"


@dataclass(frozen=True)
class Step:
    """One program of a run. `stdin` is a file; None means /dev/null."""

    name: str
    role: Role
    argv: tuple[str, ...]
    cwd: str
    timeout_secs: float | None = None
    stdin: str | None = None

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Step":
        return cls(**{**document, "role": Role(document["role"]), "argv": tuple(document["argv"])})


@dataclass(frozen=True)
class Limits:
    """None means no limit. All but max_wall_secs, which applies to the whole run, apply to agent steps only."""

    max_turns: int | None = None
    max_tool_turns: int | None = None
    max_budget_usd: float | None = None
    inactivity_timeout_secs: float | None = None
    max_wall_secs: float | None = None


@dataclass(frozen=True)
class RunSpec:
    """The steps run in order, up to the first that does not exit with 0. `env` is their whole environment.

    `reader` is the module that reads an agent's output, `advance` the program that the shim becomes at the end. `model`
    counts if the output names none; `prices` are by model. `held_database` is a database; its write-ahead log must
    exist until the end of the run, even when another process closes the store.
    """

    run_id: RunId
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
        """Return the text of spec.json, which stays on disk for weeks: only the names of variables, no secrets."""
        return json.dumps({**asdict(self), "env": sorted(self.env)}, indent=1)

    @classmethod
    def from_json(cls, text: str | bytes, env: Mapping[str, str]) -> "RunSpec":
        """Parse what `to_json` wrote. Raise ValueError, KeyError or TypeError for other content."""
        document: dict[str, Any] = json.loads(text)
        return cls(
            run_id=RunId(int(document["run_id"])),
            project=str(document["project"]),
            steps=tuple(Step.from_json(step) for step in document["steps"]),
            env=env,
            limits=Limits(**document["limits"]),
            reader=str(document["reader"]),
            advance=tuple(document["advance"]),
            model=str(document["model"]),
            prices={name: Price(**price) for name, price in document["prices"].items()},
            held_database=document["held_database"],
        )
