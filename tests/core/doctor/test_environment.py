"""Settings of a shell that break Huskies."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from huskies_core.context import Context
from huskies_core.doctor.installation import check_environment
from huskies_core.runs.programs import installed_program
from support.checks import problems_of

SCRIPT = """
import resource, sys
from pathlib import Path
from huskies_core.context import open_context
from huskies_core.doctor.installation import check_environment
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
with open_context(Path(sys.argv[1])) as context:
    print([check.problem for check in check_environment(context) if check.problem])
"""


def test_another_huskies_on_path_is_a_problem(context: Context, tmp_path: Path) -> None:
    other = tmp_path / "huskies"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    context.environ = {**context.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    problem = f"huskies on PATH is {other}, but this is {installed_program()}"
    assert problems_of(check_environment, context) == {"program": problem}


def test_missing_folders_are_a_problem(context: Context, tmp_path: Path) -> None:
    missing, file = tmp_path / "missing", tmp_path / "file"
    file.touch()
    context.environ = {**context.environ, "HOME": str(missing), "TMPDIR": str(file)}
    assert problems_of(check_environment, context) == {
        "HOME": f"HOME is {missing}, which is not a folder",
        "TMPDIR": f"TMPDIR is {file}, which is not a folder",
    }


@pytest.mark.usefixtures("processes")
def test_a_locale_without_utf_8_and_a_low_limit_are_problems(context: Context) -> None:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    argv = [sys.executable, "-c", SCRIPT, str(context.project.root)]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    assert ("the locale uses" in done.stdout, "only 100 files" in done.stdout) == (True, True)
