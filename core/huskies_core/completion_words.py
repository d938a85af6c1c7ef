"""Words for shell completion: the agents of agents.toml, read without checks, and the time zones."""

import os

TYPE_CHECKING = False  # typing takes longer to import than all of this
if TYPE_CHECKING:
    from collections.abc import Iterator


def agent_names(path: str) -> "Iterator[tuple[str, str]]":
    """Yield each name with its stage and runtime. Yield nothing if the file cannot be read."""
    import tomllib  # time zones do without it

    try:
        with open(path, "rb") as file:
            tables = tomllib.load(file).get("agent")
    except (OSError, ValueError, RecursionError):
        return
    for table in tables if isinstance(tables, list) else ():
        if isinstance(table, dict) and isinstance(table.get("name"), str):
            yield table["name"], f"{table.get('stage', '')}, {table.get('runtime', '')}"


def zone_names() -> list[str]:
    """Return all names in alphabetical order, or [] if the list of the package tzdata is missing. Load no zone."""
    import tzdata

    try:
        with open(os.path.join(os.path.dirname(tzdata.__file__), "zones"), encoding="ascii") as file:
            return file.read().split()
    except OSError:
        return []
