"""The description of an argument of an operation, and parsers of the words that a command line gives for one."""

from collections.abc import Callable

from msgspec import Struct

from huskies_core.ids import RunId, StoryId

LARGEST = 2**63 - 1
"""The largest number that the store can hold."""


class Argument(Struct, frozen=True):
    """What a caller may give for an argument. It annotates a parameter of an operation, or a field of a record.

    `least` bounds whole numbers, `words` lists the allowed texts. `name` is the key in JSON, if it is not the
    parameter's own. The rest is for the command line: `flags` (by default the name with dashes), or `metavar` alone
    for a `positional` one; `parse` reads a word, and `completion` names what a shell completes it with: a kind of
    huskies_core.store.completions, a list of words that the manual's generator knows, or `file` and `folder`. With
    `is_file` the word names a file that has the text. `default` is the value of the command line if the
    operation's own default is None.
    """

    help: str
    least: int | None = None
    words: tuple[str, ...] = ()
    name: str = ""
    flags: tuple[str, ...] = ()
    metavar: str = ""
    positional: bool = False
    parse: Callable[[str], object] | None = None
    completion: str = ""
    is_file: bool = False
    default: object = None


def parse_story_id(text: str) -> StoryId:
    """Return the id of `12` or `#12`. Raise ValueError."""
    return StoryId(_bounded(text.removeprefix("#"), 1, f"{text!r} is not a story's id (a number such as 12)"))


def parse_run_id(text: str) -> RunId:
    return RunId(_bounded(text, 1, f"{text!r} is not a run's number"))


def parse_count(text: str) -> int:
    """Return a whole number, 0 or more. Raise ValueError."""
    return _bounded(text, 0, f"{text!r} is not a whole number from 0 up")


def parse_seconds(text: str) -> float:
    """Return a finite number of seconds, 0 or more. Raise ValueError."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise ValueError(f"{text!r} is not a number of seconds")
    return value


def _bounded(digits: str, least: int, problem: str) -> int:
    """Return the number if it is from `least` to LARGEST. Raise ValueError with `problem` otherwise."""
    significant = digits.lstrip("0") or "0"
    if not (digits.isascii() and digits.isdigit() and len(significant) < 20):
        raise ValueError(problem)
    number = int(significant)
    if not least <= number <= LARGEST:
        raise ValueError(problem)
    return number
