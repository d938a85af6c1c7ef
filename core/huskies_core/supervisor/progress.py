"""Output of a run: its log, its lines for a reader that counts, and the counts with their cost in progress.json."""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, fields, replace

from huskies_core.atomic_file import replace_file
from huskies_core.runtimes.runtime import Price, Reader
from huskies_core.supervisor.records import Progress, RunSpec, Usage

_COUNTS = tuple(count.name for count in fields(Reader))
_MILLION = 1_000_000
_EVERY_SECS = 1.0
LINE_BYTES = 1 << 20
_PIECE = 1 << 20


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
    """Return the reader's counts. If the program reports no costs, calculate them from the prices."""
    usage: dict[str, Usage] = {}
    for name, counts in reader.usage.items():
        model = name or spec.model
        tokens = {key: int(value) for key, value in counts.items() if key != "cost_usd"}
        cost = calculate_cost(counts, find_price(model, spec.prices))
        usage[model] = usage.get(model, Usage()) + Usage(**tokens, cost_usd=cost)
    costs = [used.cost_usd for used in usage.values() if used.cost_usd is not None]
    measured = {"usage": usage, "cost_usd": max(reader.cost_usd, sum(costs)), "denied": dict(reader.denied)}
    return Progress(step, **{**{name: getattr(reader, name) for name in _COUNTS}, **measured})


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


class OutputLog:
    """Appends to a file, and continues when the disk is full. `lost` counts the bytes that did not fit."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.size = os.fstat(self._descriptor).st_size
        self.lost = 0

    def write(self, data: bytes) -> None:
        while data:
            try:
                written = os.write(self._descriptor, data)
            except OSError:
                self.lost += len(data)
                return
            self.size += written
            data = data[written:]


class LineFeed:
    """Splits a stream into lines for a reader. It keeps only the first LINE_BYTES of a longer line."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._line = bytearray()

    def add(self, data: bytes) -> None:
        *pieces, rest = data.split(b"\n")
        for piece in pieces:
            self._append(piece)
            self.end()
        self._append(rest)

    def end(self) -> None:
        """Feed the current line to the reader as if its newline had come."""
        if self._line:
            self._reader.feed(bytes(self._line))
            self._line = bytearray()

    def _append(self, piece: bytes) -> None:
        self._line += piece[: LINE_BYTES - len(self._line)]


def read_output(path: str | os.PathLike[str], reader: Reader) -> None:
    """Feed a whole log to a reader, in pieces. Raise FileNotFoundError if it does not exist."""
    feed = LineFeed(reader)
    with open(path, "rb") as log:
        while piece := log.read(_PIECE):
            feed.add(piece)
    feed.end()
