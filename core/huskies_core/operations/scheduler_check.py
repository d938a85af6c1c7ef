"""Whether the passes run at all: a story that was started goes on only when something ticks."""

from datetime import timedelta

from huskies_core.config.problems import ConfigError
from huskies_core.config.records import Watcher
from huskies_core.context import Context
from huskies_core.store import pass_times

TICK_SECS = 60
"""How often cron ticks."""


def ticked_lately(context: Context) -> bool:
    """Whether a tick ran in the last two minutes. One with nothing due leaves no time itself."""
    watcher = _watcher(context)
    limits = {
        "watchdog": watcher.watchdog_interval_secs + 1.5 * TICK_SECS,
        "reconcile": watcher.reconcile_interval_secs + 1.5 * TICK_SECS,
    }
    now = context.now()
    with context.store.reading() as db:
        last = {name: pass_times.get(db, name).last_at for name in limits}
    return any(
        at is not None and abs(now - at) <= timedelta(seconds=limits[name]) for name, at in last.items()
    )


def _watcher(context: Context) -> Watcher:
    """The intervals in force; a config that does not load keeps nobody from moving a story."""
    try:
        return context.config.project.watcher
    except ConfigError:
        return Watcher()
