"""Names of a repository's rescue refs, read from git's files without git, for completion and for gc."""

import os

TYPE_CHECKING = False  # typing takes longer to import than this whole module
if TYPE_CHECKING:
    from collections.abc import Iterator

_REFS = "refs/huskies/rescue/"


def rescue_names(git_dir: str) -> "list[tuple[str, str]]":
    """Return story and time of each rescue, loose and packed, newest first. Omit refs in a reftable."""
    names = {*_loose_names(git_dir), *_packed_names(git_dir)}
    return sorted(names, key=lambda name: name[1], reverse=True)


def _loose_names(git_dir: str) -> "Iterator[tuple[str, str]]":
    folder = os.path.join(git_dir, *_REFS.split("/"))
    for story in _list_folder(folder):
        for time in _list_folder(os.path.join(folder, story)):
            if not time.endswith(".lock"):
                yield story, time


def _packed_names(git_dir: str) -> "Iterator[tuple[str, str]]":
    try:
        with open(os.path.join(git_dir, "packed-refs"), encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                _, _, ref = line.rstrip("\n").partition(" ")
                story, _, time = ref.removeprefix(_REFS).partition("/")
                if ref.startswith(_REFS) and time:
                    yield story, time
    except OSError:
        return


def _list_folder(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
