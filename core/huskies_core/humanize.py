"""Numbers, sizes and lists in the form that people write, and suggestions for misspelled words."""

from collections.abc import Iterable

_MOST_NAMES = 5


def list_some(names: Iterable[object]) -> str:
    """Return the first five names, and the number of the others."""
    texts = [str(name) for name in names]
    more = f" and {len(texts) - _MOST_NAMES} more" if len(texts) > _MOST_NAMES else ""
    return ", ".join(texts[:_MOST_NAMES]) + more


def format_count(number: int, singular: str, plural: str = "") -> str:
    """Return `1 run` or `2 runs`. `plural` is an irregular plural."""
    return f"{number} {singular}" if number == 1 else f"{number} {plural or f'{singular}s'}"


def format_size(number: float) -> str:
    """Return `1.5 GB`, in powers of 1000."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return a hint that names the known word most similar to `word`, or `otherwise` if no word is similar."""
    import difflib  # only an error needs it

    similar = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"Did you mean {similar[0]}?" if similar else otherwise
