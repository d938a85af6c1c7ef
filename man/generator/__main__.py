"""Generate the parts of the man pages that list commands and options, the completions, and the index of commands.

Run `python man/generator` after changing a command or an option. With --check it changes nothing, prints the names of
outdated files and exits with 1 if there are any.
"""

import sys
from pathlib import Path

import bash
import fish
import index
import zsh
from command_tree import read_commands, read_common_options, read_program_options
from manual import filled, links_of, names_in, parts_of

ROOT = Path(__file__).resolve().parents[2]

Content = str | Path
"""The text of a file that is generated, wholly or in part, or the target of a link."""


def generate() -> dict[Path, Content]:
    commands, program, common = read_commands(), read_program_options(), read_common_options()
    parts = parts_of(commands, program)
    pages = {name: filled(text, parts) for name, text in _written_pages().items()}
    shown = [command for command in commands if not command.hidden]
    shells = {"huskies.bash": bash, "_huskies": zsh, "huskies.fish": fish}
    return {
        ROOT / "cli/huskies_cli/command_index.py": index.script(),
        **{
            ROOT / "completions" / name: shell.script(shown, program, common)
            for name, shell in shells.items()
        },
        **{ROOT / "man" / name: text for name, text in pages.items()},
        **{ROOT / "man" / name: Path(target) for name, target in links_of(pages).items()},
    }


def _written_pages() -> dict[str, str]:
    """Return the pages that are files, not links: the file has the first name of its page."""
    texts = {path: path.read_text(encoding="utf-8") for path in ROOT.glob("man/*.[1-8]")}
    return {path.name: text for path, text in texts.items() if names_in(text)[:1] == [path.stem]}


def outdated(expected: dict[Path, Content]) -> list[Path]:
    """Return the files and links that differ from the expected ones, and the links to a name that no page has."""
    differing = {path for path, content in expected.items() if _content(path) != content}
    return sorted(differing | (set(ROOT.glob("man/*.[1-8]")) - expected.keys()))


def _content(path: Path) -> Content | None:
    if path.is_symlink():
        return path.readlink()
    return path.read_text(encoding="utf-8") if path.is_file() else None


def write(path: Path, content: Content | None) -> None:
    """Write the file or the link, or remove it if `content` is None."""
    if isinstance(content, str):
        path.write_text(content, encoding="utf-8")
        return
    path.unlink(missing_ok=True)
    if content is not None:
        path.symlink_to(content)


def main(arguments: list[str]) -> int:
    expected = generate()
    paths = outdated(expected)
    if arguments == ["--check"]:
        sys.stdout.writelines(f"{path.relative_to(ROOT)}\n" for path in paths)
        return 1 if paths else 0
    for path in paths:
        write(path, expected.get(path))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
