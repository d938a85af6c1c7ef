"""What tokens cost, where a program tells no money: by prices per million tokens, as the config has them."""

from collections.abc import Mapping
from dataclasses import dataclass

_MILLION = 1_000_000


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens."""

    input: float = 0.0
    output: float = 0.0
    cached_input: float = 0.0
    cache_write: float = 0.0


def cost_of(usage: Mapping[str, float], price: Price | None) -> float | None:
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


def price_of(model: str, prices: Mapping[str, Price]) -> Price | None:
    """That of the model's own name, else of the longest name that the model's begins with: dated versions of a model
    have its price."""
    fitting = [name for name in prices if name and model.startswith(name)]
    return prices[max(fitting, key=len)] if fitting else None
