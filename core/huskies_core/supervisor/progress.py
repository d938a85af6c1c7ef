"""Progress of a run: the counts of its reader, the cost of its tokens, and progress.json."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, replace

from huskies_core.atomic_file import replace_file
from huskies_core.runtimes.runtime import Price, Reader
from huskies_core.supervisor.records import Progress, Usage
from huskies_core.supervisor.spec import RunSpec

_MILLION = 1_000_000
_EVERY_SECS = 1.0


def calculate_cost(usage: Mapping[str, float], price: Price | None) -> float | None:
    """Return US dollars: the cost that the program reported, else by the price, else None."""
    reported = usage.get("cost_usd")
    if reported is not None or price is None:
        return reported
    parts = (
        usage["input_tokens"] * price.input,
        usage["output_tokens"] * price.output,
        usage["cache_read_tokens"] * price.cached_input,
        usage["cache_write_tokens"] * price.cache_write,
    )
    return sum(parts) / _MILLION


def find_price(model: str, prices: Mapping[str, Price]) -> Price | None:
    """Return the price of the longest name that the model's name begins with: dated versions share a price."""
    names = [name for name in prices if name and model.startswith(name)]
    return prices[max(names, key=len)] if names else None


def measure(step: str, reader: Reader, spec: RunSpec) -> Progress:
    """Return the reader's counts. Calculate costs by the prices where the program reports none."""
    usage: dict[str, Usage] = {}
    for name, counts in reader.usage.items():
        model = name or spec.model
        tokens = {key: int(value) for key, value in counts.items() if key != "cost_usd"}
        cost = calculate_cost(counts, find_price(model, spec.prices))
        usage[model] = usage.get(model, Usage()) + Usage(**tokens, cost_usd=cost)
    costs = [used.cost_usd for used in usage.values() if used.cost_usd is not None]
    return Progress(
        step=step,
        turns=reader.turns,
        tool_turns=reader.tool_turns,
        usage=usage,
        cost_usd=max(reader.cost_usd, sum(costs)),
        session_id=reader.session_id,
        waiting_until=reader.waiting_until,
        last_words=reader.last_words,
        rate_limit=reader.rate_limit,
        failure=reader.failure,
        denied=dict(reader.denied),
    )


class ProgressFile:
    """progress.json, written when a figure changed, at most once a second. New words alone do not count."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._figures = Progress()
        self._written_at = -math.inf

    def offer(self, progress: Progress, now: float) -> float:
        """Write the progress if it is time. Return the seconds until then, infinite if there is nothing to write.

        A failed write is repeated after a second.
        """
        figures = replace(progress, last_words="")
        if figures == self._figures:
            return math.inf
        wait = self._written_at + _EVERY_SECS - now
        if wait > 0:
            return wait
        self._written_at = now
        try:
            replace_file(self._path, json.dumps(asdict(progress)).encode())
        except OSError:
            return _EVERY_SECS
        self._figures = figures
        return math.inf
