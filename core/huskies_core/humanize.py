"""Numbers, sizes and lists as people write them."""

from collections.abc import Iterable

_NAMED = 5


def list_some(names: Iterable[object]) -> str:
    """The first few, and how many more there are."""
    told = [str(name) for name in names]
    more = f" and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
    return ", ".join(told[:_NAMED]) + more


def format_count(number: int, one: str, many: str = "") -> str:
    """`1 run`, `2 runs`; `many` where that is not just an s more."""
    return f"{number} {one}" if number == 1 else f"{number} {many or f'{one}s'}"


def format_size(number: float) -> str:
    """`1.5 GB`, by thousands."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"
