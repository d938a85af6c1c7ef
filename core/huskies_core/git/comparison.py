"""Compares files of a checkout with entries of a tree, by git's own eyes: filters, line ends, links and modes."""

from collections.abc import Mapping
from tempfile import TemporaryDirectory

from huskies_core.git.changes import Entry, index_lines
from huskies_core.git.repository import Checkout, Repository, fields


def unlike(repo: Repository, place: Checkout, entries: Mapping[str, Entry]) -> frozenset[str]:
    """Those of the paths that are not in the checkout as their entry says. Changes nothing.

    The index that git is asked with has these paths alone, without flags and known times: it must read the files.
    A submodule counts as its checked-out commit.
    """
    if not entries:
        return frozenset()
    with TemporaryDirectory(prefix="huskies-") as scratch:
        env = {"GIT_INDEX_FILE": f"{scratch}/index"}
        repo.git("update-index", "-z", "--index-info", at=place, env=env, stdin=index_lines(entries))
        repo.git("update-index", "-q", "--refresh", at=place, env=env, ok=(0, 1))
        shape = ("-z", "--name-only", "--ignore-submodules=dirty")
        return frozenset(fields(repo.git("diff-files", *shape, at=place, env=env)))
