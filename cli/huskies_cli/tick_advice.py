"""What is said when a story was set going and nothing seems to tick."""

from huskies_core.context import Context
from huskies_core.operations.scheduler_check import ticked_lately


def tick_advice(context: Context) -> tuple[str, ...]:
    if context.inside_run is not None or ticked_lately(context):
        return ()
    return (
        "No tick ran in the last two minutes. Run 'huskies watch', or 'huskies service install systemd' or 'cron'.",
    )
