"""`.mcp.json`: the file in which Claude Code and other clients find the MCP server of a project."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from huskies_core.errors import HuskiesError
from huskies_core.operations.files import write_whole
from huskies_core.project import Project
from huskies_core.runs.programs import installed_program

NAME = ".mcp.json"
SERVER = "huskies"
_SERVERS = "mcpServers"


class McpFile(Struct, frozen=True):
    """The file; `changed` is set if it was written."""

    path: Path
    command: str
    changed: bool


def write_mcp_file(project: Project, environ: Mapping[str, str]) -> McpFile:
    """Add the server to the file at the project's root; the rest of the file stays.

    The command is `huskies` if PATH finds this installation under that name, so that the file can be committed; else
    the path of this program. Raise HuskiesError `mcp_file` for an invalid file, which stays unchanged.
    """
    path, own = project.root / NAME, installed_program()
    on_path = shutil.which("huskies", path=environ.get("PATH"))
    is_own = on_path is not None and os.path.realpath(on_path) == os.path.realpath(own)
    command = "huskies" if is_own else own
    document = _read(path)
    servers = document.get(_SERVERS, {})
    entry = {"type": "stdio", "command": command, "args": ["mcp"]}
    if servers.get(SERVER) == entry:
        return McpFile(path, command, changed=False)
    written = {**document, _SERVERS: {**servers, SERVER: entry}}
    write_whole(path, json.dumps(written, indent=2, ensure_ascii=False) + "\n")
    return McpFile(path, command, changed=True)


def _read(path: Path) -> dict[str, Any]:
    """Return the document, {} without a file."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError) as error:
        raise _invalid(path, str(error)) from error
    if not isinstance(document, dict):
        raise _invalid(path, "it is not an object")
    if not isinstance(document.get(_SERVERS, {}), dict):
        raise _invalid(path, f"{_SERVERS} is not an object")
    return document


def _invalid(path: Path, why: str) -> HuskiesError:
    hint = "Fix it, or move it away; then a new one is written."
    return HuskiesError(f"{path} is not valid: {why}", hint=hint, code="mcp_file", subject=str(path))
