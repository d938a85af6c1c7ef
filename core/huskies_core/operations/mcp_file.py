"""`.mcp.json`: how Claude Code, and what reads the same file, finds the MCP server of this project."""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huskies_core.errors import HuskiesError
from huskies_core.operations.files import write_whole
from huskies_core.project import Project
from huskies_core.runs.own_program import installed_program

NAME = ".mcp.json"
SERVER = "huskies"
_SERVERS = "mcpServers"


@dataclass(frozen=True)
class McpFile:
    """`changed` is whether it had to be written."""

    path: Path
    command: str
    changed: bool


def write_mcp_file(project: Project, environ: Mapping[str, str]) -> McpFile:
    """Puts our server into the file at the project's root; what else is in it stays.

    The command is `huskies` where PATH leads there to this very installation, so that the file can be committed for
    everybody; else this program's own path. Raises HuskiesError `mcp_file` for a file that is not what Claude Code
    reads: it is left as it is.
    """
    path, command = project.root / NAME, _command(environ)
    known = _read(path)
    servers = known.get(_SERVERS, {})
    if not isinstance(servers, dict):
        raise _unreadable(path, f"{_SERVERS} is not an object")
    wanted = {"type": "stdio", "command": command, "args": ["mcp"]}
    if servers.get(SERVER) == wanted:
        return McpFile(path, command, changed=False)
    written = {**known, _SERVERS: {**servers, SERVER: wanted}}
    write_whole(path, json.dumps(written, indent=2, ensure_ascii=False) + "\n")
    return McpFile(path, command, changed=True)


def _command(environ: Mapping[str, str]) -> str:
    own, found = installed_program(), shutil.which("huskies", path=environ.get("PATH"))
    return "huskies" if found is not None and os.path.realpath(found) == os.path.realpath(own) else own


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, str(error)) from error
    if not isinstance(found, dict):
        raise _unreadable(path, "it is not an object")
    return found


def _unreadable(path: Path, why: str) -> HuskiesError:
    hint = "Mend it, or move it away to have a new one."
    return HuskiesError(f"{path} is not valid: {why}", hint=hint, code="mcp_file", subject=str(path))
