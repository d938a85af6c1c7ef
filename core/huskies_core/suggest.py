"""Suggestions for misspelled words."""

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the word of `known` that is most similar to `word`, or None without a similar one."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)), None)


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return a hint that names the most similar known word, or `otherwise` without one."""
    meant = nearest(word, known)
    return f"Did you mean {meant}?" if meant else otherwise
