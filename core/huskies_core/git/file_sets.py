"""The two sides of a landing, the tip's and the commit's, as their files would be in a checkout."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from huskies_core.git.changes import Entry, index_lines
from huskies_core.git.comparison import unlike
from huskies_core.git.repository import Checkout, Repository, fields


@dataclass(frozen=True)
class Side:
    """`folder` has the files with filters and line ends applied, `complaint` says why one may be missing.

    `present` are those of its paths that the checkout has as this side does, by git's own eyes: their bytes may
    differ where git sees no difference.
    """

    folder: Path
    paths: frozenset[str]
    present: frozenset[str]
    complaint: str


def write_side(
    repo: Repository, place: Checkout, commit: str, entries: Mapping[str, Entry], folder: Path
) -> Side:
    """Writes the files into the new `folder` as git would check them out at `commit`, whose attributes count.

    A file whose filter fails is left out: a landing that this very filter ended has to be taken back.
    """
    folder.mkdir()
    env = {"GIT_INDEX_FILE": f"{folder}.index"}
    scratch = Checkout(folder, place.git_dir)
    lines = index_lines({**_attributes(repo, commit), **entries})
    repo.git("update-index", "-z", "--index-info", at=scratch, env=env, stdin=lines)
    ran = repo.run("checkout-index", "--all", "--force", "--quiet", at=scratch, env=env)
    paths = frozenset(entries)
    return Side(folder, paths, paths - unlike(repo, place, entries), ran.stderr)


def _attributes(repo: Repository, commit: str) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for line in fields(repo.git("ls-tree", "-r", "-z", "--full-tree", commit)):
        head, _, path = line.partition("\t")
        if path.rpartition("/")[2] == ".gitattributes":
            mode, _, oid = head.split(" ")
            found[path] = Entry(mode, oid)
    return found
