"""project.toml, checked key by key."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from types import MappingProxyType

from huskies_core.config.document import Document
from huskies_core.config.notify_table import read_notify
from huskies_core.config.records import (
    Budget,
    Component,
    Gate,
    Merge,
    Pricing,
    ProjectConfig,
    Watcher,
)
from huskies_core.config.table import Table, note_duplicates
from huskies_core.suggest import nearest

_NO_BRANCH = re.compile(r"^[-/.]|[\x00-\x20\x7f~^:?*\[\\]|\.\.|//|@\{|/\.|\.lock(/|$)|[/.]$|^@$|^refs/")
_MOST_DAYS = 36_500


def read_project(document: Document, data: Mapping[str, object]) -> ProjectConfig:
    """The config as the file has it. Whether it may be used, `document.problems()` says afterwards."""
    top = Table(document, data)
    config = ProjectConfig(
        default_qa=top.choice("default_qa", ProjectConfig.default_qa),
        default_coder_model=top.line("default_coder_model"),
        max_coders=top.integer("max_coders", ProjectConfig.max_coders),
        max_gates=top.integer("max_gates", ProjectConfig.max_gates),
        max_retries=top.integer("max_retries", ProjectConfig.max_retries, least=0),
        base_branch=_branch(top),
        timezone=_timezone(top),
        auto_promote=top.choice("auto_promote", ProjectConfig.auto_promote),
        retention_days=top.integer("retention_days", ProjectConfig.retention_days, least=0, most=_MOST_DAYS),
        gateway_url=_gateway_url(top),
        gateway_project=top.line("gateway_project"),
        watcher=_watcher(top.table("watcher")),
        merge=_merge(top.table("merge")),
        gates=_gates(top.tables("gate")),
        components=_components(top.tables("component")),
        budget=_budget(top.table("budget")),
        pricing=_pricing(top.table("pricing")),
        notify=read_notify(top.table("notify")),
    )
    top.finish()
    return config


def _branch(top: Table) -> str | None:
    name = top.line("base_branch")
    if name is not None and _NO_BRANCH.search(name):
        top.problem(
            "base_branch",
            f"base_branch {name!r} is no name of a branch",
            "Write it as 'git branch' shows it.",
        )
    return name


def _timezone(top: Table) -> str:
    name = top.line("timezone")
    if name is None or name == ProjectConfig.timezone:
        return ProjectConfig.timezone
    from zoneinfo import ZoneInfo, available_timezones

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        meant = nearest(name, available_timezones())
        hint = f"Did you mean {meant}?" if meant else "Write it as Area/City, such as Europe/London."
        top.problem("timezone", f"timezone {name!r} is not known", hint)
    return name


def _gateway_url(top: Table) -> str | None:
    url = top.text("gateway_url")
    if url and not re.match(r"https?://[^\s/]", url):
        top.problem("gateway_url", "gateway_url must begin with http:// or https://")
    return url or None


def _watcher(table: Table) -> Watcher:
    watcher = Watcher(
        done_retention_secs=table.integer("done_retention_secs", Watcher.done_retention_secs, least=0),
        reconcile_interval_secs=table.integer("reconcile_interval_secs", Watcher.reconcile_interval_secs),
        watchdog_interval_secs=table.integer("watchdog_interval_secs", Watcher.watchdog_interval_secs),
    )
    table.finish()
    return watcher


def _merge(table: Table) -> Merge:
    merge = Merge(
        block_after_failures=table.integer("block_after_failures", Merge.block_after_failures),
        mergemaster_attempts=table.integer("mergemaster_attempts", Merge.mergemaster_attempts),
        starvation_secs=table.integer("starvation_secs", Merge.starvation_secs),
    )
    table.finish()
    return merge


def _gates(tables: tuple[Table, ...]) -> tuple[Gate, ...]:
    gates = tuple(_gate(table) for table in tables)
    note_duplicates(tables, (gate.name for gate in gates))
    return gates


def _gate(table: Table) -> Gate:
    table.require("command")
    gate = Gate(
        name=table.required_line("name"),
        command=table.arguments("command"),
        timeout_secs=table.integer("timeout_secs", Gate.timeout_secs),
    )
    table.finish()
    return gate


def _components(tables: tuple[Table, ...]) -> tuple[Component, ...]:
    components = tuple(_component(table) for table in tables)
    note_duplicates(tables, (component.name for component in components))
    return components


def _component(table: Table) -> Component:
    component = Component(
        name=table.required_line("name"),
        path=_path_inside(table),
        setup=table.arguments("setup"),
        teardown=table.arguments("teardown"),
        timeout_secs=table.integer("timeout_secs", Component.timeout_secs),
    )
    table.finish()
    return component


def _path_inside(table: Table) -> str:
    path = PurePosixPath(table.line("path") or Component.path)
    if path.is_absolute() or ".." in path.parts:
        table.problem(
            "path", f"path {str(path)!r} leads out of the project", "Write it relative to the root."
        )
    return str(path)


def _budget(table: Table) -> Budget:
    budget = Budget(
        per_story_usd=table.amount("per_story_usd", positive=True),
        per_day_usd=table.amount("per_day_usd", positive=True),
    )
    table.finish()
    return budget


def _pricing(table: Table) -> Mapping[str, Pricing]:
    return MappingProxyType({model: _prices(table.table(model)) for model in table.keys})


def _prices(table: Table) -> Pricing:
    prices = Pricing(
        input=table.amount("input") or 0.0,
        output=table.amount("output") or 0.0,
        cached_input=table.amount("cached_input") or 0.0,
        cache_write=table.amount("cache_write") or 0.0,
    )
    table.finish()
    return prices
