"""The rescues of a repository by their names, for a person who is typing one: git's files are read, git is not run."""

import os

TYPE_CHECKING = False  # typing takes longer to import than all of this
if TYPE_CHECKING:
    from collections.abc import Iterator

_REFS = "refs/huskies/rescue/"


def rescue_names(git_dir: str) -> "list[tuple[str, str]]":
    """Story and time of each, the newest first; those that are in files and those that git has packed."""
    found = {*_loose(git_dir), *_packed(git_dir)}
    return sorted(found, key=lambda rescue: rescue[1], reverse=True)


def _loose(git_dir: str) -> "Iterator[tuple[str, str]]":
    above = os.path.join(git_dir, *_REFS.split("/"))
    for story in _names(above):
        for time in _names(os.path.join(above, story)):
            if not time.endswith(".lock"):
                yield story, time


def _packed(git_dir: str) -> "Iterator[tuple[str, str]]":
    try:
        with open(os.path.join(git_dir, "packed-refs"), encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                _, _, ref = line.rstrip("\n").partition(" ")
                story, _, time = ref.removeprefix(_REFS).partition("/")
                if ref.startswith(_REFS) and time:
                    yield story, time
    except OSError:
        return


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
