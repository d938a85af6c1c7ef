"""The configuration as text."""

import json
from collections.abc import Mapping, Sequence

from msgspec.structs import asdict

from huskies_cli import render
from huskies_cli.command import Call
from huskies_cli.output import ErrorItem, Result
from huskies_core.config.document import Problem
from huskies_core.config.edit import keys_in_force
from huskies_core.config.records import Agent, Config
from huskies_core.operations.configuration import Setting
from huskies_core.operations.mcp_file import McpFile
from huskies_core.sanitize import without_controls


def check_config(problems: Sequence[Problem], _: Call) -> Result:
    if not problems:
        return Result(text="No problems.")
    errors = tuple(ErrorItem("config_error", str(item), item.hint, item.path) for item in problems)
    return Result(errors=errors)


def get_key(setting: Setting, call: Call) -> Result:
    if setting.value is not None:
        return Result(text=_written(setting.value))
    default = ""
    if setting.key == "base_branch":
        default = f": the base branch is {call.context.recorded_base}, as 'huskies init' recorded it"
    elif setting.key.startswith("budget."):
        default = ": there is no limit"
    return Result(messages=(f"{setting.key} is not set{default}",))


def set_key(setting: Setting, _: Call) -> Result:
    return Result(text=f"{setting.key} = {_written(setting.value)}")


def show_config(config: Config, _: Call) -> Result:
    return Result(text=lambda: _shown(config))


def write_mcp(file: McpFile, _: Call) -> Result:
    return Result(text=f"{file.path}: {file.command} mcp{'' if file.changed else ' (unchanged)'}")


def _shown(config: Config) -> str:
    keys = keys_in_force(config.project)
    lines = [f"{key} = {_written(value)}".rstrip() for key, value in keys.items()]
    return render.paragraphs(without_controls("\n".join(lines)), *map(_agent, config.agents))


def _agent(agent: Agent) -> str:
    """Return the keys that are set, and those with a default."""
    values = [(name, value) for name, value in asdict(agent).items() if name != "name" and value is not None]
    pairs = [(name, render.shortened(_written(value))) for name, value in values if value not in ("", (), {})]
    return render.section(f"agent {agent.name}", render.block(render.fields(pairs)))


def _written(value: object) -> str:
    """Return a text as it is, other values as JSON, which for numbers, booleans and lists is also TOML."""
    plain = dict(value) if isinstance(value, Mapping) else value
    return plain if isinstance(plain, str) else "" if plain is None else json.dumps(plain, ensure_ascii=False)
