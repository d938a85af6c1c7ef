"""A scripted mergemaster. It merges the base branch, keeps both sides of each conflict, and runs the tests."""

import os
import re
import subprocess
import sys
from pathlib import Path

from huskies_cli.demo.agents.acts import commit, git, huskies, print_line, report_usage
from huskies_cli.demo.agents.prompt_parser import read_prompt

_CONFLICT = re.compile(r"^<<<<<<< .*?\n(.*?)^=======\n(.*?)^>>>>>>> .*?\n", re.MULTILINE | re.DOTALL)


def main() -> int:
    text = sys.stdin.read()
    story, base = os.environ["HUSKIES_STORY_ID"], os.environ["HUSKIES_BASE_BRANCH"]
    print_line(f"I merge {base} into the branch of: {read_prompt(text).title}.")
    files = merge(base)
    for file in map(Path, files):
        file.write_text(keep_both(file.read_text(encoding="utf-8")), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "unittest", "-q"], check=True, stdin=subprocess.DEVNULL)
    commit(f"Merge {base}")
    huskies("resolve", story)
    report_usage(text, written=len(git("show", "HEAD")), tool_turns=4)
    print_line(f"kept both sides of {', '.join(files) or 'nothing'}; the tests pass")
    return 0


def merge(base: str) -> list[str]:
    """Merge without a commit and return the files in conflict."""
    subprocess.run(["git", "merge", "--quiet", "--no-commit", base], stdin=subprocess.DEVNULL)
    return git("diff", "--name-only", "--diff-filter=U").split()


def keep_both(text: str) -> str:
    """Return the text with the lines of both sides of each conflict, ours first."""
    return _CONFLICT.sub(r"\1\2", text)


if __name__ == "__main__":
    sys.exit(main())
