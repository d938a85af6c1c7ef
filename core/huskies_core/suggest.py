"""Suggestions for misspelled words."""

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return a hint that names the known word most similar to `word`, or `otherwise` without a similar one."""
    similar = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"Did you mean {similar[0]}?" if similar else otherwise
