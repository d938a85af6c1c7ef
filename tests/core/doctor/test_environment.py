"""What a shell can be set up so that it keeps Huskies from working."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from huskies_core.context import Context
from huskies_core.doctor.environment import look_around
from huskies_core.runs.own_program import installed_program
from support.checks import seen

LOOK = """
import resource, sys
from pathlib import Path
from huskies_core.context import open_context
from huskies_core.doctor.environment import look_around
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
with open_context(Path(sys.argv[1])) as context:
    print([one.problem for one in look_around(context) if one.problem])
"""


def test_another_huskies_on_path_is_told(context: Context, tmp_path: Path) -> None:
    other = tmp_path / "huskies"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    context.environ = {**context.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    told = f"huskies on PATH is {other}, this one is {installed_program()}"
    assert seen(look_around, context) == {"program": told}


def test_folders_that_are_not_there_are_told(context: Context, tmp_path: Path) -> None:
    gone, file = tmp_path / "gone", tmp_path / "file"
    file.touch()
    context.environ = {**context.environ, "HOME": str(gone), "TMPDIR": str(file)}
    assert seen(look_around, context) == {
        "HOME": f"HOME is {gone}, which is no folder",
        "TMPDIR": f"TMPDIR is {file}, which is no folder",
    }


@pytest.mark.usefixtures("processes")
def test_a_locale_without_utf_8_and_a_low_limit_are_told(context: Context) -> None:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    argv = [sys.executable, "-c", LOOK, str(context.project.root)]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    assert ("has text in" in done.stdout, "no more than 100 files" in done.stdout) == (True, True)
