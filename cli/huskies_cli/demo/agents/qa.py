"""A scripted reviewer. The change must contain each name in backticks of a criterion, in the file that it names."""

import os
import re
import sys
from pathlib import Path

from huskies_cli.demo.agents.acts import git, huskies, print_line, report_usage
from huskies_cli.demo.agents.prompt_parser import read_prompt


def main() -> int:
    text = sys.stdin.read()
    story, base = os.environ["HUSKIES_STORY_ID"], os.environ["HUSKIES_BASE_BRANCH"]
    criteria = read_prompt(text).criteria
    missing = [complaint(criterion, base) for criterion in criteria]
    met = [number for number, problem in enumerate(missing, start=1) if not problem]
    checks = [part for number in met for part in ("--check", str(number))]
    huskies("update", story, *checks)
    notes = "; ".join(f"criterion {n}: {problem}" for n, problem in enumerate(missing, start=1) if problem)
    huskies(*(("reject", story, "--notes", notes) if notes else ("approve", story)))
    report_usage(text, written=len(notes), tool_turns=3)
    print_line(f"{len(met)} of {len(criteria)} criteria are met")
    return 0


def complaint(criterion: str, base: str) -> str:
    """Return the problem of the change with a criterion, or ""."""
    words = re.findall(r"`(\S+)`", criterion)
    files = [word for word in words if Path(word).is_file()]
    added = "\n".join(re.findall(r"^\+.*", git("diff", f"{base}...HEAD", "--", *files), re.MULTILINE))
    missing = [word for word in words if word not in files and word not in added]
    where = f"`{files[0]}`" if files else "the change"
    return f"`{missing[0]}` is not in {where}" if missing else ""


if __name__ == "__main__":
    sys.exit(main())
