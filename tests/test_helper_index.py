"""The index of helpers in README.md has the first line of each helper's docstring."""

import ast
from pathlib import Path

TESTS = Path(__file__).parent


def test_the_index_lists_each_helper_with_its_first_line() -> None:
    files = [
        path for folder in ("support", "support/agents", "system") for path in (TESTS / folder).glob("*.py")
    ]
    helpers = [path for path in files if not path.name.startswith(("test_", "conftest", "__"))]
    rows = sorted(f"| `{path.relative_to(TESTS)}` | {_first_line(path)} |" for path in helpers)
    index = (
        (TESTS / "README.md").read_text(encoding="utf-8").partition("| module | content |\n|---|---|\n")[2]
    )
    assert index.splitlines() == rows


def _first_line(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]
