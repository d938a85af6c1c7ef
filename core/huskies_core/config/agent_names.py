"""The agent names for shell completion, read from agents.toml without checks."""

import tomllib

TYPE_CHECKING = False  # typing takes longer to import than all of this
if TYPE_CHECKING:
    from collections.abc import Iterator


def agent_names(path: str) -> "Iterator[tuple[str, str]]":
    """Yield each name with its stage and runtime. Yield nothing if the file cannot be read."""
    try:
        with open(path, "rb") as file:
            tables = tomllib.load(file).get("agent")
    except (OSError, ValueError, RecursionError):
        return
    for table in tables if isinstance(tables, list) else ():
        if isinstance(table, dict) and isinstance(table.get("name"), str):
            yield table["name"], f"{table.get('stage', '')}, {table.get('runtime', '')}"
