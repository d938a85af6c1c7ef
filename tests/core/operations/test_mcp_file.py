"""`.mcp.json`: created, merged with other entries, and never damaged."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from huskies_core.errors import HuskiesError
from huskies_core.operations.mcp_file import write_mcp_file
from huskies_core.project import Project
from huskies_core.runs.programs import installed_program

OWN = os.path.dirname(installed_program())


def read_file(project: Project) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((project.root / ".mcp.json").read_text())
    return document


def test_it_is_written_once_and_names_the_command_that_path_leads_to(project: Project) -> None:
    first = write_mcp_file(project, {"PATH": f"{OWN}:/usr/bin"})
    second = write_mcp_file(project, {"PATH": f"{OWN}:/usr/bin"})
    assert (first.changed, second.changed, first.command) == (True, False, "huskies")
    assert read_file(project) == {
        "mcpServers": {"huskies": {"type": "stdio", "command": "huskies", "args": ["mcp"]}}
    }


def test_this_installation_is_named_if_path_has_another(project: Project, tmp_path: Path) -> None:
    other = tmp_path / "huskies"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    commands = [write_mcp_file(project, {"PATH": path}).command for path in (str(tmp_path), "/nowhere")]
    assert commands == [installed_program(), installed_program()]


def test_other_entries_stay(project: Project) -> None:
    document = {"mcpServers": {"other": {"command": "x"}, "huskies": {"command": "old"}}, "note": "ü"}
    (project.root / ".mcp.json").write_text(json.dumps(document))
    write_mcp_file(project, {"PATH": OWN})
    written = read_file(project)
    assert (written["note"], written["mcpServers"]["other"]) == ("ü", {"command": "x"})
    assert written["mcpServers"]["huskies"]["command"] == "huskies"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"mcpServers": []}', "[" * 10_000])
def test_an_invalid_file_is_refused_and_not_changed(project: Project, text: str) -> None:
    path = project.root / ".mcp.json"
    path.write_text(text)
    with pytest.raises(HuskiesError) as refused:
        write_mcp_file(project, {})
    assert (refused.value.code, path.read_text()) == ("mcp_file", text)
