from pathlib import Path

import pytest

import huskies_core
from huskies_core.context import Context
from huskies_core.project import Project


def test_core_names_no_module_of_the_command_line() -> None:
    modules = Path(huskies_core.__path__[0]).rglob("*.py")
    assert [path for path in modules if "huskies_cli" in path.read_text(encoding="utf-8")] == []


def test_a_context_without_the_programs_command_line_starts_no_program(project: Project) -> None:
    context = Context(project, actor="user:ada", environ={})
    with pytest.raises(LookupError):
        context.own_command("tick")
    context.close()
