"""The names in agents.toml, for a person who is typing one: nothing is checked, nothing said of what is wrong."""

import tomllib

TYPE_CHECKING = False  # typing takes longer to import than all of this
if TYPE_CHECKING:
    from collections.abc import Iterator


def agent_names(path: str) -> "Iterator[tuple[str, str]]":
    """Each with its stage and its runtime; none of a file that cannot be read."""
    try:
        with open(path, "rb") as file:
            tables = tomllib.load(file).get("agent")
    except (OSError, ValueError, RecursionError):
        return
    for table in tables if isinstance(tables, list) else ():
        if isinstance(table, dict) and isinstance(table.get("name"), str):
            yield table["name"], f"{table.get('stage', '')}, {table.get('runtime', '')}"
