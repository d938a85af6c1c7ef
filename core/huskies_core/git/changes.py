"""What a commit changes between two trees, path by path."""

from collections.abc import Mapping
from dataclasses import dataclass

from huskies_core.git.repository import Repository, fields

_ABSENT = "000000"
GITLINK = "160000"


@dataclass(frozen=True)
class Entry:
    """A file, link or submodule in a tree or an index: its mode in octal and the id of its content."""

    mode: str
    oid: str


@dataclass(frozen=True)
class Change:
    """`before` is None for a path that is new, `after` for one that goes."""

    path: str
    before: Entry | None
    after: Entry | None


def changes_between(repo: Repository, tip: str, commit: str) -> tuple[Change, ...]:
    """Every path that differs, a rename as the two paths it is."""
    parts = fields(repo.git("diff-tree", "-r", "-z", "--raw", "--no-renames", tip, commit))
    return tuple(_change(head, path) for head, path in zip(parts[::2], parts[1::2], strict=True))


def _change(head: str, path: str) -> Change:
    old_mode, new_mode, old, new, _ = head.removeprefix(":").split(" ")
    return Change(path, _entry(old_mode, old), _entry(new_mode, new))


def _entry(mode: str, oid: str) -> Entry | None:
    return None if mode == _ABSENT else Entry(mode, oid)


def index_lines(entries: Mapping[str, Entry | None]) -> str:
    """Input for `update-index -z --index-info`: what goes first, as it may be in the way of what comes."""
    null = "0" * next((len(entry.oid) for entry in entries.values() if entry), 40)
    gone = (f"0 {null}\t{path}\0" for path, entry in entries.items() if entry is None)
    set_to = (f"{entry.mode} {entry.oid}\t{path}\0" for path, entry in entries.items() if entry)
    return "".join((*gone, *set_to))
