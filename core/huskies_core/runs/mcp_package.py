"""The package that our MCP server is built on, looked at without loading it."""

import re
from importlib.metadata import PackageNotFoundError, version

LEAST = (2, 3)
"""As the extra `mcp` of pyproject.toml wants it: earlier ones lack the server that ours is made of."""


def mcp_fault() -> str:
    """Why the server cannot run here; empty when it can."""
    try:
        found = version("mcp")
    except PackageNotFoundError:
        return "the package mcp is not installed"
    numbers = re.match(r"(\d+)\.(\d+)", found)
    if numbers is not None and (int(numbers[1]), int(numbers[2])) >= LEAST:
        return ""
    return f"the package mcp is too old: {found}, not {'.'.join(map(str, LEAST))} or later"
