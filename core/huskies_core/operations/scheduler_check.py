"""The check whether anything runs tick; without it no story moves on."""

from datetime import timedelta

from huskies_core.config.records import Watcher
from huskies_core.context import Context
from huskies_core.store import pass_times

TICK_SECS = 60
"""The interval of cron."""
ADVICE = "Run 'huskies watch', 'huskies service install systemd' or 'huskies service install cron'."


def ticked_lately(context: Context) -> bool:
    """Return whether a tick ran in the last two minutes, by the last passes: an idle tick records no time."""
    config = context.valid_config
    watcher = Watcher() if config is None else config.project.watcher
    intervals = {"watchdog": watcher.watchdog_interval_secs, "reconcile": watcher.reconcile_interval_secs}
    now = context.now()
    with context.store.reading() as db:
        last = [(pass_times.get(db, name).last_at, interval) for name, interval in intervals.items()]
    return any(
        at is not None and abs(now - at) <= timedelta(seconds=interval + 1.5 * TICK_SECS)
        for at, interval in last
    )
