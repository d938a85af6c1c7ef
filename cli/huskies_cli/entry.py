"""A row of the index of commands."""

from typing import NamedTuple


class Entry(NamedTuple):
    """A command, which `name_there` of `module` defines, or a group with `children`."""

    name: str
    help: str
    module: str = ""
    name_there: str = ""
    panel: str | None = None
    hidden: bool = False
    children: tuple["Entry", ...] = ()
