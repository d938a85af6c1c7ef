"""A measurement: a row of the table, with the ratio of our value to a bare one in the same run."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """`ours` and `bare` have the same `unit`. `at_least` or `at_most` is the bound of `ours / bare`, if any."""

    name: str
    unit: str
    ours: float
    bare: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def ratio(self) -> float:
        return self.ours / self.bare

    @property
    def is_kept(self) -> bool:
        over = self.at_least is None or self.ratio >= self.at_least
        return over and (self.at_most is None or self.ratio <= self.at_most)

    @property
    def bound(self) -> str:
        if self.at_least is not None:
            return f">= {self.at_least:g}"
        return "" if self.at_most is None else f"<= {self.at_most:g}"


@dataclass(frozen=True)
class Scale:
    """The size of measurements: the rounds of fast functions, and the stories of a large store."""

    rounds: int
    stories: int


FULL = Scale(rounds=400, stories=100_000)
QUICK = Scale(rounds=40, stories=2_000)
TINY = Scale(rounds=3, stories=20)


def per_second(act: Callable[[], object], times: int) -> float:
    """Return the calls of `act` per second, over `times` calls."""
    start = time.perf_counter()
    for _ in range(times):
        act()
    return times / (time.perf_counter() - start)


def seconds(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def alternating(
    ours: Callable[[], object], bare: Callable[[], object], times: int, *, turns: int = 5
) -> tuple[float, float]:
    """Return the rates of both, as medians of alternating turns, so that a slow disk affects both."""
    rates = [(per_second(ours, times), per_second(bare, times)) for _ in range(turns)]
    first, second = (sorted(column)[turns // 2] for column in zip(*rates, strict=True))
    return first, second
