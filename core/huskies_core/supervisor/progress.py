"""progress.json: what a run has done so far, for those who look while it runs."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, replace

from huskies_core.atomic_file import replace_file
from huskies_core.runtimes.runtime import Price, Reader
from huskies_core.supervisor.records import Progress, Usage
from huskies_core.supervisor.spec import RunSpec

_MILLION = 1_000_000


def calculate_cost(usage: Mapping[str, float], price: Price | None) -> float | None:
    """US dollars: what was told, else by the price; None where there is neither."""
    told = usage.get("cost_usd")
    if told is not None or price is None:
        return told
    parts = (
        usage["input_tokens"] * price.input,
        usage["output_tokens"] * price.output,
        usage["cache_read_tokens"] * price.cached_input,
        usage["cache_write_tokens"] * price.cache_write,
    )
    return sum(parts) / _MILLION


def find_price(model: str, prices: Mapping[str, Price]) -> Price | None:
    """That of the model's own name, else of the longest name that the model's begins with: dated versions of a model
    have its price."""
    fitting = [name for name in prices if name and model.startswith(name)]
    return prices[max(fitting, key=len)] if fitting else None


_EVERY_SECS = 1.0


def measure(step: str, reader: Reader, spec: RunSpec) -> Progress:
    """What the reader has counted so far; where its program tells no money, it is reckoned by the prices."""
    usage: dict[str, Usage] = {}
    for name, used in reader.usage.items():
        model = name or spec.model
        usage[model] = usage.get(model, Usage()) + _usage(model, used, spec)
    known = [used.cost_usd for used in usage.values() if used.cost_usd is not None]
    return Progress(
        step=step,
        turns=reader.turns,
        tool_turns=reader.tool_turns,
        usage=usage,
        cost_usd=max(reader.cost_usd, sum(known)),
        session_id=reader.session_id,
        waiting_until=reader.waiting_until,
        last_words=reader.last_words,
        rate_limit=reader.rate_limit,
        failure=reader.failure,
        denied=dict(reader.denied),
    )


def _usage(model: str, used: Mapping[str, float], spec: RunSpec) -> Usage:
    tokens = {name: int(value) for name, value in used.items() if name != "cost_usd"}
    return Usage(**tokens, cost_usd=calculate_cost(used, find_price(model, spec.prices)))


class ProgressFile:
    """Written when a figure changed, once a second at most; with new words alone it stays as it is."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._figures = Progress()
        self._written_at = -math.inf

    def offer(self, progress: Progress, now: float) -> float:
        """Writes it if it is time; the seconds until it will be, infinite when nothing is to be written."""
        figures = replace(progress, last_words="")
        if figures == self._figures:
            return math.inf
        wait = self._written_at + _EVERY_SECS - now
        if wait > 0:
            return wait
        self._written_at = now
        return math.inf if self._write(progress, figures) else _EVERY_SECS

    def _write(self, progress: Progress, figures: Progress) -> bool:
        try:
            replace_file(self._path, json.dumps(asdict(progress)).encode())
        except OSError:
            return False
        self._figures = figures
        return True
