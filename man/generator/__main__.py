"""Writes the parts of the man pages that follow from the commands, and the completions of the shells.

Run it as `python man/generator` after a command or an option changed. With --check it writes nothing, names the files
that are not as they should be, and exits 1 when there is one."""

import sys
from pathlib import Path

import bash
import fish
import zsh
from command_tree import read_commands, read_common_options, read_program_options
from manual import filled, links_of, parts_of

ROOT = Path(__file__).resolve().parents[2]
LINK = ".so "


def generated() -> dict[Path, str]:
    """Every file that is generated, or has parts that are, with the text it should have."""
    commands, program, common = read_commands(), read_program_options(), read_common_options()
    texts = {path.name: path.read_text(encoding="utf-8") for path in ROOT.glob("man/*.[1-8]")}
    parts = parts_of(commands, program)
    pages = {name: filled(text, parts) for name, text in texts.items() if not text.startswith(LINK)}
    manual = pages | links_of(pages)
    completions = {
        "huskies.bash": bash.script(commands, program, common),
        "_huskies": zsh.script(commands, program, common),
        "huskies.fish": fish.script(commands, program, common),
    }
    return {ROOT / "man" / name: text for name, text in manual.items()} | {
        ROOT / "completions" / name: text for name, text in completions.items()
    }


def stale(wanted: dict[Path, str]) -> list[Path]:
    """The files that differ from what is wanted, and the links that no page asks for."""
    changed = [
        path
        for path, text in wanted.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    return sorted([*changed, *(path for path in ROOT.glob("man/*.[1-8]") if path not in wanted)])


def main(arguments: list[str]) -> int:
    wanted = generated()
    found = stale(wanted)
    if arguments == ["--check"]:
        sys.stdout.writelines(f"{path.relative_to(ROOT)}\n" for path in found)
        return 1 if found else 0
    for path in found:
        if path in wanted:
            path.write_text(wanted[path], encoding="utf-8")
        else:
            path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
